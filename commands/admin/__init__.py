from commands.admin.audit import AuditEventAdmin
from commands.admin.execution import ExecutionAdmin
from commands.admin.rule import RuleAdmin
from commands.admin.user import GroupAdmin, UserAdmin
from commands.admin.verb import ActionVerbAdmin, VerbAdmin

__all__ = [
    "ActionVerbAdmin",
    "AuditEventAdmin",
    "ExecutionAdmin",
    "GroupAdmin",
    "RuleAdmin",
    "UserAdmin",
    "VerbAdmin",
]
