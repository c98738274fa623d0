from commands.models.audit import AuditEvent
from commands.models.chain import Chain
from commands.models.execution import Execution
from commands.models.live import Connection, EndRequest, Watcher
from commands.models.lock import Lock
from commands.models.revision import MapRevision
from commands.models.rule import Rule
from commands.models.server import Server, Verification
from commands.models.signature import Parameter, Signature
from commands.models.tag import Tag
from commands.models.transcript import TranscriptChunk
from commands.models.verb import ActionVerb, Verb

__all__ = [
    "ActionVerb",
    "AuditEvent",
    "Chain",
    "Connection",
    "EndRequest",
    "Execution",
    "Lock",
    "MapRevision",
    "Parameter",
    "Rule",
    "Server",
    "Signature",
    "Tag",
    "TranscriptChunk",
    "Verb",
    "Verification",
    "Watcher",
]
