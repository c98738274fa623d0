from commands.admin.audit import AuditEventAdmin
from commands.admin.connection import ConnectionAdmin
from commands.admin.execution import ExecutionAdmin
from commands.admin.lock import LockAdmin
from commands.admin.rule import RuleAdmin
from commands.admin.user import GroupAdmin, UserAdmin
from commands.admin.verb import ActionVerbAdmin, TagAdmin, VerbAdmin

__all__ = [
    "ActionVerbAdmin",
    "AuditEventAdmin",
    "ConnectionAdmin",
    "ExecutionAdmin",
    "GroupAdmin",
    "LockAdmin",
    "RuleAdmin",
    "TagAdmin",
    "UserAdmin",
    "VerbAdmin",
]
