"""The connections of this process that have logged in: shown in the table Connection, and ended when somebody wants it.

The row is written with the event of the login, and deleted by the next look after the client is gone: no commit of its
own holds anybody up.
"""

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django.utils import timezone

from commands import audit
from commands.audit_text import visible
from commands.live.look import Wanted, look
from commands.models import AuditEvent, Connection
from commands.outcome import Outcome

End = Callable[[str, str], None]
"""Ends a connection with all that runs on it, within a second: why, for the record, and what its client is told."""

CLIENT_ID = 400
"""Characters of the column."""

AT_ONCE = 500
"""Keys of one statement."""


async def arrived(
    *,
    user_id: int,
    username: str,
    remote_addr: str | None,
    tls: bool,
    client_id: str,
    door: str,
    end: End,
) -> uuid.UUID:
    """Record the login, and show the connection until `left` is called with this key, which must be.

    Mail goes on without the store: then the login is not recorded, and the connection is shown when it is back.
    Cancelled, it has left."""
    key = uuid.uuid4()
    about: dict[str, Any] = {
        "username": username,
        "remote_addr": remote_addr,
        "tls": tls,
        "client_id": client_id,
        "door": door,
    }
    here = _Here(key, {"user_id": user_id, **about, "since": timezone.now()}, end)
    look.targets[key] = here
    look.wake()
    try:
        shown = await audit.record_login(user_id=user_id, outcome=Outcome.OK, and_do=here.insert, **about)
    except BaseException:
        left(key)
        raise
    if not shown:
        look.do(_write, key, here)
    return key


def identified(key: uuid.UUID, client_id: str) -> None:
    """The client has said what it is."""
    target = look.targets.get(key)
    if isinstance(target, _Here) and target.fields["client_id"] != client_id:
        target.fields["client_id"] = client_id
        look.do(_write, key, target)


def left(key: uuid.UUID) -> None:
    """It is gone. Nobody has to wait for that."""
    if look.targets.pop(key, None) is not None:
        look.leave(_write, key)
        look.do(_delete, key)


def _write(rows: "Mapping[uuid.UUID, _Here]") -> None:
    """A unit of the writer: those that are not there yet, and what is known anew of the others."""
    for key, here in rows.items():
        if not Connection.objects.filter(pk=key).update(client_id=visible(here.fields["client_id"])[:CLIENT_ID]):
            here.insert()


def _delete(rows: Mapping[uuid.UUID, None]) -> None:
    """A unit of the writer."""
    keys = list(rows)
    for start in range(0, len(keys), AT_ONCE):
        Connection.objects.filter(pk__in=keys[start : start + AT_ONCE]).delete()


@dataclass(slots=True, eq=False)
class _Here:
    """A look.Target. Its methods but `end` and `show` are units of the writer."""

    key: uuid.UUID
    fields: dict[str, Any]
    end_now: End

    def insert(self) -> None:
        audit.insert_connection(id=self.key, **self.fields)

    def end(self, wanted: Wanted) -> None:
        self.end_now(wanted.why, wanted.reason)

    def record_end(self, wanted: Wanted) -> None:
        fields = {**self.fields, "actor_id": self.fields["user_id"], "actor": self.fields["username"]}
        for name in ("user_id", "username", "since"):
            del fields[name]
        audit.record_event(kind=AuditEvent.Kind.LOGIN, outcome=Outcome.ENDED, reason=wanted.why, **fields)

    def show(self, channels: frozenset[str]) -> None:
        """What is relayed is the client's mail: it is shown to nobody."""
