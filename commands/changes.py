"""Changes of the map on the audit record: whoever makes one, and in whatever way, leaves an event of kind CHANGE.

The history of a row is its source: it is written in the transaction of the change itself, the event right after it.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import partial
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models.signals import post_delete, post_save, pre_delete
from django.http import HttpRequest
from simple_history.models import HistoricalRecords
from simple_history.signals import post_create_historical_record

from commands import audit
from commands.mapfile.difference import field_changes
from commands.mapfile.entries import FIELDS
from commands.mapfile.plain import Entry, plain
from commands.mapfile.versions import KINDS, kind_of, version_before, version_entry, version_title
from commands.models import ActionVerb, AuditEvent, Lock, Rule, Tag
from commands.system_user import system_user

logger = logging.getLogger(__name__)

OUTCOMES = {"+": "added", "~": "changed", "-": "deleted"}


@dataclass(frozen=True, slots=True)
class Author:
    """Who makes changes now, by which way; `actor_id` is of a user who has logged in."""

    actor: str = ""
    actor_id: int | None = None
    door: str = ""
    remote_addr: str | None = None
    tls: bool = False


Fields = dict[str, Any]  # of an audit event

_author: ContextVar[Author | None] = ContextVar("commands.changes.author", default=None)
_committed: ContextVar[list[Fields] | None] = ContextVar("commands.changes.committed", default=None)


@contextmanager
def by_command(name: str) -> Iterator[None]:
    """Around what a management command changes: it is on record as the work of who has run it on this machine."""
    token = _author.set(Author(actor=f"{system_user()} (manage.py {name})", door="terminal"))
    try:
        with together():
            yield
    finally:
        _author.reset(token)


@contextmanager
def together() -> Iterator[None]:
    """Around many changes: what is committed of them is recorded at the end, in one go. Not inside of a transaction."""
    committed: list[Fields] = []
    token = _committed.set(committed)
    try:
        yield
    finally:
        _committed.reset(token)
        _record(committed)


def connect() -> None:
    """Called once, when the models are there."""
    post_create_historical_record.connect(_on_version, dispatch_uid="commands.changes")
    for model in (Rule, Lock):
        pre_delete.connect(_before_delete, sender=model, dispatch_uid="commands.changes.names")
    for named in (Tag, ActionVerb):  # they have no history: their names are all that they are
        post_save.connect(_on_save, sender=named, dispatch_uid="commands.changes.save")
        post_delete.connect(_on_delete, sender=named, dispatch_uid="commands.changes.delete")


def _before_delete(sender: Any, instance: Any, **kwargs: Any) -> None:
    """Read what it names, which stays with the instance: where that is what is deleted, it may go before it."""
    str(instance)


def _on_version(instance: Any, history_instance: Any, **kwargs: Any) -> None:
    """Now, not after the commit: what a rule names may be gone by then."""
    row = history_instance
    if row.instance_type not in KINDS:
        return
    kind, sign = kind_of(row), row.history_type
    entry = plain(instance, FIELDS[kind]) if sign == "-" and kind != "verb" else version_entry(row)
    earlier = version_before(row) if sign == "~" else None
    before = None if earlier is None else version_entry(earlier)
    if sign == "~" and before == entry:
        return
    changed = tuple(field_changes(kind, before, entry, hide_values_of="environment"))
    verb = entry["name"] if kind == "verb" else entry["verb"] or ""
    _record_after_commit(sign, f"{kind} {version_title(row, entry)}", changed, row.history_change_reason or "", verb)


def _on_save(sender: Any, instance: Any, created: bool, raw: bool = False, **kwargs: Any) -> None:
    if not raw and _is_on():
        entry: Entry = plain(instance, ("description",)) if sender is Tag else {}
        changed = tuple(f"{name}: {value}" for name, value in entry.items() if value)
        _record_after_commit("+" if created else "~", f"{KINDS[sender]} {instance}", changed)


def _on_delete(sender: Any, instance: Any, **kwargs: Any) -> None:
    if _is_on():
        _record_after_commit("-", f"{KINDS[sender]} {instance}", ())


def _is_on() -> bool:
    """As for those that have a history: without that they are not recorded either."""
    return bool(getattr(settings, "SIMPLE_HISTORY_ENABLED", True))


def _record_after_commit(sign: str, what: str, changed: tuple[str, ...], reason: str = "", verb: str = "") -> None:
    """`changed`: of what is added or deleted all that is not as by default."""
    author = _author.get() or _author_of(getattr(HistoricalRecords.context, "request", None))
    fields: Fields = {
        "kind": AuditEvent.Kind.CHANGE,
        "outcome": OUTCOMES[sign],
        "reason": f"{what} {OUTCOMES[sign]}" + (f": {reason}" if reason else ""),
        "verb": verb,
        "arguments": tuple(text.encode() for text in changed),
        "actor": author.actor,
        "actor_id": author.actor_id,
        "door": author.door,
        "remote_addr": author.remote_addr,
        "tls": author.tls,
    }
    transaction.on_commit(partial(_after_commit, fields))


def _after_commit(fields: Fields) -> None:
    committed = _committed.get()
    if committed is None:
        _record([fields])
    else:
        committed.append(fields)


def _record(changes: list[Fields]) -> None:
    try:
        if changes:
            audit.record_all_now(changes)
    except audit.StoreUnavailable:
        # It is committed and in the history; to fail now would tell whoever made the change that it was not.
        for fields in changes:
            logger.exception("Not recorded: %s by %r", fields["reason"], fields["actor"])


def _author_of(request: HttpRequest | None) -> Author:
    user = getattr(request, "user", None)
    if request is None or user is None or not user.is_authenticated:
        return Author(actor=f"{system_user()} (manage.py)", door="terminal")
    return Author(
        actor=user.get_username(),
        actor_id=user.pk,
        door="web",
        remote_addr=request.META.get("REMOTE_ADDR"),
        tls=request.is_secure(),
    )
