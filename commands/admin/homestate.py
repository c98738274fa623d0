"""What stands in the overview's health: the servers and their engines, the record's lag, the channel layer, proof."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from asgiref.sync import async_to_sync
from django.utils.timesince import timesince

from commands import audit, channel_layer, servers
from commands.evidence import verification
from commands.models import Chain, Server
from commands.web.text import visible

LAG_SECONDS = 1.0
"""Of a commit that takes milliseconds: half of what an execution waits until it is refused."""

VERIFY_WITHIN = timedelta(days=31)

SLOW = "The database is slow or away, and executions are refused meanwhile: see to it."


@dataclass(frozen=True, slots=True)
class State:
    """`text` says what to do as well where it is not well."""

    name: str
    text: str
    is_well: bool = True


def serving(now: datetime) -> list[State]:
    """One for each server, whichever process or machine it is."""
    found = [_of_server(server, now) for server in servers.told()]
    return found or [State("Servers", "none runs. Mail users are not served: start manage.py runimap.", False)]


def _of_server(server: Server, now: datetime) -> State:
    name = f"Server {visible(server.node)}"
    if servers.is_silent(server):
        return State(
            name,
            f"seen {ago(server.seen_at, now)}. It is dead, or can't reach the database: see its log, start it again.",
            False,
        )
    if server.engine_fault:
        fault = visible(server.engine_fault)
        return State(name, f"engine away: {fault}. Nobody can log in there: see to the engine, or to --engine.", False)
    if server.audit_lag >= LAG_SECONDS:
        return State(name, f"{_lag(server.audit_waiting, server.audit_lag)}. {SLOW}", False)
    engine = "no engine" if server.engine == "none" else f"engine {visible(server.engine)} answers"
    return State(name, f"{engine}; seen {ago(server.seen_at, now)}")


def in_queue() -> State:
    """Of the process that serves the page."""
    name, lag, queued = "Waiting to be recorded", audit.writer.lag(), audit.writer.waiting()
    if lag >= LAG_SECONDS:
        return State(name, f"{_lag(queued, lag)}. {SLOW}", False)
    return State(name, _lag(queued, lag) if queued else "nothing")


def _lag(queued: int, lag: float) -> str:
    return f"{queued} in the queue, for up to {lag:.1f} s"


def layer() -> State:
    name = "Channel layer"
    if channel_layer.is_in_memory():
        return State(name, "in memory: what other processes run can't be watched (IMAPX_REDIS_URL)")
    try:
        seconds = async_to_sync(channel_layer.round_trip)()
    except channel_layer.LayerUnavailable as error:
        why = f"away: {visible(str(error))}. What other processes run can't be watched: start Redis, or mend"
        return State(name, f"{why} IMAPX_REDIS_URL.", False)
    return State(name, f"Redis, answered in {seconds * 1000:.0f} ms")


def verified(now: datetime) -> State:
    """When the whole record was verified last, and how that came out."""
    name, last = "Record verified", verification.last()
    if last is None:
        first = Chain.objects.order_by("started_at").values_list("started_at", flat=True).first()
        is_due = first is not None and first < now - VERIFY_WITHIN
        return State(name, "never: run manage.py verifyaudit, with the key that is kept elsewhere", not is_due)
    when = f"{ago(last.at, now)}, {last.events:,} events"
    if last.faults:
        faults = "1 fault" if last.faults == 1 else f"{last.faults:,} faults"
        return State(name, f"{when}: {faults}. Run manage.py verifyaudit and read what it says.", False)
    until = "no anchor" if last.anchored_until is None else f"anchors up to {ago(last.anchored_until, now)}"
    if last.at < now - VERIFY_WITHIN:
        return State(name, f"{when}, all well ({until}). It is time to run manage.py verifyaudit again.", False)
    return State(name, f"{when}, all well ({until})")


def ago(at: datetime, now: datetime) -> str:
    if now - at < timedelta(minutes=1):
        return f"{max(0, int((now - at).total_seconds()))} s ago"
    return f"{timesince(at, now, depth=1)} ago"
