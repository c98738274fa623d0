"""/health and /metrics, for those whom IMAPX_METRICS_FROM names."""

import asyncio
from collections.abc import Callable, Coroutine
from functools import wraps
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from channels.db import database_sync_to_async
from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.db import Error as StoreError
from django.db import connection
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from prometheus_client.openmetrics.exposition import CONTENT_TYPE_LATEST, generate_latest

from commands import audit, channel_layer
from commands.metrics import registry
from imapserver.addresses import is_within, unmapped
from imapserver.condition import condition

CHECK_SECONDS = 3.0
FRESH_SECONDS = 3.0
"""So long one answer is good for all who ask: nobody loads the database by asking."""

NEEDED = ("database", "audit", "engine")
"""Without one of these users are turned away. Without a channel layer nobody is: executions can't be watched from
elsewhere."""

View = Callable[[HttpRequest], Coroutine[Any, Any, HttpResponse]]


def _for_monitors(view: View) -> View:
    """Not found for others. Who asks by a web server in front is whom that names (forwarded.py); others are believed
    nothing of the kind."""

    @wraps(view)
    async def guarded(request: HttpRequest) -> HttpResponse:
        if not is_within(unmapped(request.META.get("REMOTE_ADDR") or ""), settings.IMAPX["METRICS_FROM"]):
            raise Http404
        if request.method not in ("GET", "HEAD"):
            return HttpResponse(status=405, headers={"Allow": "GET, HEAD"})
        return await view(request)

    return login_not_required(guarded)


@_for_monitors
async def metrics(request: HttpRequest) -> HttpResponse:
    return HttpResponse(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)


@_for_monitors
async def health(request: HttpRequest) -> HttpResponse:
    """503 if something that is needed is away."""
    checks = {**await _checks.fresh(), "engine": _engine()}
    well = all(checks[name] != "unavailable" for name in NEEDED)
    answer = {
        "status": "ok" if well else "unavailable",
        "version": _version(),
        **checks,
        "audit_lag_seconds": round(audit.writer.lag(), 3),
        "audit_queue": audit.writer.waiting(),
    }
    return JsonResponse(answer, status=200 if well else 503, headers={"Cache-Control": "no-store"})


class _Checks:
    def __init__(self) -> None:
        self._found: dict[str, str] = {}
        self._until = 0.0
        self._one_at_a_time = asyncio.Lock()

    async def fresh(self) -> dict[str, str]:
        now = asyncio.get_running_loop().time
        async with self._one_at_a_time:
            if now() >= self._until:
                database, writer, layer = await asyncio.gather(
                    _check(_ask_database()), _check(audit.writer.submit(_select)), _channel_layer()
                )
                self._found = {"database": database, "audit": writer, "channel_layer": layer}
                self._until = now() + FRESH_SECONDS
            return self._found


_checks = _Checks()


async def _check(asked: Coroutine[Any, Any, None]) -> str:
    try:
        async with asyncio.timeout(CHECK_SECONDS):
            await asked
    except (StoreError, audit.StoreUnavailable, TimeoutError):
        return "unavailable"
    return "ok"


async def _channel_layer() -> str:
    if channel_layer.is_in_memory():
        return "in memory"
    try:
        await channel_layer.round_trip()
    except channel_layer.LayerUnavailable:
        return "unavailable"
    return "ok"


def _engine() -> str:
    """As it was found last (imapserver/condition.py): nobody loads it by asking."""
    fault = condition.engine_fault
    if fault is None:
        return "not of this process"
    return "unavailable" if fault else "ok"


async def _ask_database() -> None:
    await database_sync_to_async(_select, thread_sensitive=False)()


def _select() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM commands_auditevent LIMIT 1")


def _version() -> str:
    try:
        return version("imapx")
    except PackageNotFoundError:  # run from its source
        return "unknown"
