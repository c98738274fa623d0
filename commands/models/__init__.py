from commands.models.audit import AuditEvent
from commands.models.execution import Execution
from commands.models.revision import MapRevision
from commands.models.rule import Rule
from commands.models.signature import Parameter, Signature
from commands.models.verb import ActionVerb, Verb

__all__ = ["ActionVerb", "AuditEvent", "Execution", "MapRevision", "Parameter", "Rule", "Signature", "Verb"]
