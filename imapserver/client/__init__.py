"""The client kit: EXECUTE for Python programs, blocking (on imaplib) and on asyncio. Standard library only.

Blocking: `IMAP4` and `IMAP4_SSL`, or `ExecuteMixin` for a class of your own. asyncio: `connect`. docs/clients.md shows
both.
"""

from imapserver.client.async_dialogue import AsyncDialogue
from imapserver.client.asynchronous import Answer, Client, LoginFailed, connect
from imapserver.client.blocking import IMAP4, IMAP4_SSL, ExecuteMixin
from imapserver.client.dialogue import Dialogue
from imapserver.client.result import (
    ExecuteError,
    Failed,
    Interactive,
    Malformed,
    NotPermitted,
    OverLimit,
    Overrun,
    Refused,
    Result,
    Unavailable,
    Verb,
)

__all__ = [
    "IMAP4",
    "IMAP4_SSL",
    "Answer",
    "AsyncDialogue",
    "Client",
    "Dialogue",
    "ExecuteError",
    "ExecuteMixin",
    "Failed",
    "Interactive",
    "LoginFailed",
    "Malformed",
    "NotPermitted",
    "OverLimit",
    "Overrun",
    "Refused",
    "Result",
    "Unavailable",
    "Verb",
    "connect",
]
