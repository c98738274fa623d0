"""What a user sees of themselves. Nothing here changes anything: see acts.py."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from functools import wraps
from typing import Any, cast
from urllib.parse import urlencode

from asgiref.sync import async_to_sync
from django.contrib.auth.decorators import login_required
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

from commands import locks
from commands.arguments.signature import usage
from commands.authorization import Refused, visible_verbs
from commands.live import now
from commands.locks import Target
from commands.models import Connection, Execution, Lock
from commands.verbmap import VerbEntry
from commands.web.own import reading, words
from commands.web.text import visible

MOST = 100
"""Connections, and running executions, that are shown."""

TABS = (
    ("own:home", "Verbs"),
    ("own:history", "History"),
    ("own:refusals", "Refused"),
    ("own:logins", "Logins"),
)

Context = dict[str, Any]
View = Callable[[HttpRequest, User], HttpResponse]


@dataclass(frozen=True, slots=True)
class OwnVerb:
    """A verb as its user sees it: `calls` are what to type, a line for each way of it."""

    name: str
    description: str
    is_dialogue: bool
    calls: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class OwnLock:
    key: int
    reason: str
    until: Any
    is_own: bool
    """Made on this page, so that it can be lifted on it."""


def _own(view: View) -> Callable[..., HttpResponse]:
    @wraps(view)
    def checked(request: HttpRequest) -> HttpResponse:
        return view(request, cast(User, request.user))

    return login_required(require_safe(checked), login_url="own:login")


def _render(request: HttpRequest, name: str, context: Context) -> HttpResponse:
    tabs = [(reverse(each), title, each == f"own:{name}") for each, title in TABS]
    return render(request, f"own/{name}.html", {"tabs": tabs, **context})


@_own
def home(request: HttpRequest, user: User) -> HttpResponse:
    week = timezone.now() - timedelta(days=7)
    return _render(request, "home", {**_verbs(user), **_now(user), "failed": reading.failed_logins(user, week)})


def _verbs(user: User) -> Context:
    try:
        return {"verbs": [_as_called(verb) for verb in async_to_sync(visible_verbs)(user.pk)]}
    except Refused:
        return {"verbs": [], "is_unknown": True}


def _as_called(verb: VerbEntry) -> OwnVerb:
    ways = [usage((each,), verb.takes_input) for each in verb.signatures] or [usage((), verb.takes_input)]
    given = ("" if way == "(no arguments)" else way for way in ways)
    calls = tuple(f"EXECUTE {verb.name} {each}".rstrip() for each in given)
    return OwnVerb(verb.name, verb.description, verb.mode == "interactive", calls)


def _now(user: User) -> Context:
    standing = [_own_lock(lock, user) for lock in locks_of(user)]
    executions, connections = now.executions_of(user.pk)[:MOST], now.connections_of(user.pk)[:MOST]
    return {
        "locks": standing,
        "is_locked": bool(standing),
        "has_own_lock": any(lock.is_own for lock in standing),
        "running": [_shown(each) for each in executions],
        "connections": [_connected(each) for each in connections],
    }


def locks_of(user: User) -> list[Lock]:
    """Those that stand on this user by name, whoever made them."""
    return [lock for lock in Target(user=user).locks if locks.stands(lock)]


def is_own(lock: Lock, user: User) -> bool:
    return lock.user_id == user.pk and lock.made_by == user.get_username()


def _own_lock(lock: Lock, user: User) -> OwnLock:
    return OwnLock(lock.pk, visible(lock.reason), lock.until, is_own(lock, user))


def _connected(connection: Connection) -> Context:
    return {
        "key": connection.pk,
        "since": connection.since,
        "client": visible(connection.client_id),
        "address": connection.remote_addr,
        "tls": connection.tls,
        "door": words.door(connection.door),
    }


@_own
def history(request: HttpRequest, user: User) -> HttpResponse:
    verb, day = request.GET.get("verb", "").strip().lower()[:64].replace("\0", ""), request.GET.get("day", "")
    try:
        chosen = date.fromisoformat(day) if day else None
        page = reading.executions(user, request.GET.get("before", ""), verb, chosen)
    except (ValueError, OverflowError):
        return _no_such_page(request)
    query = {"verb": verb, "day": day}
    return _render(request, "history", {**_listed(page, query), "rows": [_shown(each) for each in page.rows], **query})


def _shown(execution: Execution) -> Context:
    text, tone = words.end(execution)
    took = execution.ended - execution.started if execution.ended else None
    return {
        "key": execution.pk,
        "at": execution.started,
        "call": visible(f"{execution.verb} {execution.arguments_text}".rstrip()),
        "outcome": text,
        "tone": tone,
        "took": "" if took is None else f"{took.total_seconds():.1f} s",
        **_from(execution),
    }


def _from(row: Any) -> Context:
    return {
        "address": row.remote_addr,
        "client": visible(row.client_id),
        "tls": row.tls,
        "door": words.door(row.door),
    }


@_own
def refusals(request: HttpRequest, user: User) -> HttpResponse:
    try:
        page = reading.refusals(user, request.GET.get("before", ""))
    except ValueError:
        return _no_such_page(request)
    may_know = user.has_perm("commands.view_auditevent")
    rows = [
        {
            "at": event.at,
            "call": visible(f"{event.verb} {event.arguments_text}".rstrip()) or "a command that could not be read",
            "outcome": visible(words.refusal(event)),
            "rule": visible(event.rule or event.reason) if may_know else "",
            **_from(event),
        }
        for event in page.rows
    ]
    return _render(request, "refusals", {**_listed(page, {}), "rows": rows})


@_own
def logins(request: HttpRequest, user: User) -> HttpResponse:
    try:
        page = reading.logins(user, request.GET.get("before", ""))
    except ValueError:
        return _no_such_page(request)
    rows = []
    for event in page.rows:
        text, tone = words.login(event)
        rows.append({"at": event.at, "outcome": text, "tone": tone, **_from(event)})
    return _render(request, "logins", {**_listed(page, {}), "rows": rows})


def _listed(page: reading.Page, query: dict[str, str]) -> Context:
    """What own/older.html asks for."""
    given = {name: value for name, value in query.items() if value}
    return {
        "older": "?" + urlencode({**given, "before": page.older}) if page.older else "",
        "looked_to": page.looked_to,
        "scan": f"{reading.SCAN:,}",
    }


def _no_such_page(request: HttpRequest) -> HttpResponse:
    return render(request, "own/no_such_page.html", status=400)
