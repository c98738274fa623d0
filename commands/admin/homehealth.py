"""What somebody should look at, and how the server is, as far as the process that serves this page knows."""

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from django.conf import settings
from django.db import connection
from django.http import HttpRequest
from django.http.request import split_domain_port
from django.urls import reverse
from django.utils import timezone

from commands.admin.base import may_view
from commands.admin.homecounts import DAY, Count, alerts, counts, of_end
from commands.admin.homestate import State, ago, in_queue, layer, serving, verified
from commands.evidence import anchors, head, keyfile
from commands.living import UNSEEN
from commands.models import AuditEvent, Chain, Execution, Verb
from commands.outcome import Outcome
from commands.programfile import UnsafeProgramError, check_program
from commands.web.text import visible

LOOPBACK = frozenset(("127.0.0.1", "localhost", "[::1]"))
VERBS = 500  # whose programs are looked for
EVENTS = 100  # after the last anchor, among which this machine's are looked for
TAIL = 4096  # bytes at the end of the anchors' file: some thirty lines


@dataclass(frozen=True, slots=True)
class Notice:
    """`address` is empty where nothing in the admin shows it."""

    text: str
    address: str = ""


def attention(request: HttpRequest, now: datetime) -> list[Notice]:
    notices: list[Notice] = []
    day = f"{timezone.localtime(now - DAY):%Y-%m-%d}"
    if may_view(request, Execution):
        notices += _bad_ends(now, day)
    if may_view(request, AuditEvent):
        notices += _alerts(now, day)
        notices += _left_keys()
        if settings.DEBUG and _is_open(request):
            notices.append(Notice("IMAPX_DEBUG is on, and others than this machine may ask: turn it off."))
    if may_view(request, Verb):
        notices += _unsafe_programs()
    return notices


def _bad_ends(now: datetime, day: str) -> Iterator[Notice]:
    words = {
        Outcome.LOST: "Lost, since the server died",
        Outcome.AUDIT_LOST: "Ended, since nothing could be recorded any more",
    }
    found = counts([of_end(each).filter(started__gte=now - DAY) for each in words], "started")
    for (outcome, text), count in zip(words.items(), found, strict=True):
        if count:
            address = f"{reverse('admin:commands_execution_changelist')}?outcome={outcome}&started_from={day}"
            yield Notice(f"{text}: {_number(count, 'execution')} of the last day.", address)


def _alerts(now: datetime, day: str) -> Iterator[Notice]:
    (count,) = counts([alerts().filter(at__gte=now - DAY)], "at")
    if count:
        address = f"{reverse('admin:commands_auditevent_changelist')}?kind=alert&at_from={day}"
        yield Notice(f"Found by the server itself: {_number(count, 'alert')} of the last day.", address)


def _left_keys() -> Iterator[Notice]:
    for path in keyfile.roots(head.directory()):
        yield Notice(f"{path.name} is still on this machine: who takes it can reseal the record. Move it away.")


def _is_open(request: HttpRequest) -> bool:
    """Whether it came by a name that is not this machine's own, or may."""
    asked, _ = split_domain_port(request.get_host())
    return not LOOPBACK.issuperset({asked, *settings.ALLOWED_HOSTS})


def _unsafe_programs() -> Iterator[Notice]:
    verbs = Verb.objects.filter(enabled=True, kind="program").values_list("pk", "name", "argv")[:VERBS]
    for key, name, argv in verbs:
        try:
            check_program(str(argv[0]) if argv else "")
        except (UnsafeProgramError, ValueError) as error:  # ValueError: a NUL
            text = visible(f"Verb {name} is not started: {error}")
            yield Notice(text, reverse("admin:commands_verb_change", args=[key]))


def health(request: HttpRequest, now: datetime) -> list[State]:
    if not may_view(request, AuditEvent):
        return []
    began = time.perf_counter()
    last = AuditEvent.objects.values_list("at", "chain_id").first()
    took = (time.perf_counter() - began) * 1000
    database = State("Database", f"{connection.display_name}, answered in {took:.1f} ms")
    states = [database, *serving(now), layer(), in_queue()]
    if last is None:
        return [*states, State("Record", "no event yet")]
    at, chain_id = last
    states.append(State("Last event recorded", ago(at, now)))
    chain = Chain.objects.filter(pk=chain_id).first() if chain_id else None
    if chain is not None:
        is_silent = chain.ended_at is None and chain.seen_at < now - UNSEEN
        ended = "" if chain.ended_at is None else ", and has ended"
        states.append(State("Its writer was seen", ago(chain.seen_at, now) + ended, not is_silent))
    return [*states, _newest_anchor(now), verified(now)]


def _newest_anchor(now: datetime) -> State:
    """Late if an event of this machine's has waited for longer than two anchors take to come."""
    name = "Last anchor"
    try:
        told = last_anchor(anchors.anchors_file())
    except OSError as error:
        return State(name, f"can't be read: {error.strerror}", False)
    if told is None:
        return State(name, "none at the end of its file", False)
    here = head.node().rpartition(":")[0]
    after = AuditEvent.objects.filter(at__gt=told).order_by("at").values_list("at", "node")[:EVENTS]
    waiting = next((at for at, node in after if node.rpartition(":")[0] == here), now)
    is_well = (now - waiting).total_seconds() <= 2 * settings.IMAPX["AUDIT_ANCHOR_SECONDS"]
    return State(name, ago(told, now) + ("" if is_well else f", and an event of {ago(waiting, now)} has none"), is_well)


def last_anchor(path: Path) -> datetime | None:
    """When the last anchor of the file was told; None: there is none at its end. Raises OSError."""
    with path.open("rb") as file:
        file.seek(max(0, os.fstat(file.fileno()).st_size - TAIL))
        lines = file.read(TAIL).decode("ascii", "replace").splitlines()
    for line in reversed(lines):
        words = line.split()
        try:
            at = datetime.fromisoformat(words[-4])
        except (IndexError, ValueError):
            continue
        return at if at.tzinfo else at.replace(tzinfo=UTC)
    return None


def _number(count: Count, word: str) -> str:
    return f"{'at least ' if count.is_capped else ''}{count.number:,} {word}{'' if count.number == 1 else 's'}"
