"""How long a session on the pages may last: until nothing was asked for a while, and at most a working day.

What is asked for counts, not that a page is open: its WebSocket keeps nobody logged in.
"""

import time
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import SESSION_KEY
from django.contrib.auth.models import AnonymousUser, User
from django.contrib.auth.signals import user_logged_in
from django.contrib.sessions.backends.base import SessionBase
from django.contrib.sessions.models import Session
from django.http import HttpRequest, HttpResponse, HttpResponseForbidden
from django.http.response import HttpResponseBase
from django.urls import reverse
from django.utils import timezone
from django.utils.deprecation import MiddlewareMixin
from django.utils.http import url_has_allowed_host_and_scheme

SINCE, SEEN = "imapx_since", "imapx_seen"

LEAVE_OPEN = "commands.display_connection"

WRITE_SECONDS = 60
"""At most so often is it written that a session is in use: a page must not wait for a write each time."""


def connect() -> None:
    user_logged_in.connect(_begin, dispatch_uid="commands.web.sessions")


def why_over(session: SessionBase, user: User) -> str:
    """Empty while the session of this user goes on; else a sentence for them. May read the user's rights."""
    now = time.time()
    since, seen = session.get(SINCE, 0), session.get(SEEN, 0)
    long, idle = now - since >= settings.SESSION_COOKIE_AGE, now - seen >= settings.IMAPX["SESSION_IDLE_SECONDS"]
    if not (long or idle):
        return ""
    if now - since < settings.IMAPX["DISPLAY_SECONDS"] and is_display(user):
        return ""
    if idle:
        minutes = round(settings.IMAPX["SESSION_IDLE_SECONDS"] / 60)
        return f"You have been logged out, since nothing was opened for {minutes} minutes."
    return f"You have been logged out: one login is good for {round(settings.SESSION_COOKIE_AGE / 3600)} hours."


def is_display(user: User) -> bool:
    """Whether this is the user of a display on a wall: it may be left open, and has no right but to look."""
    if user.is_superuser or not user.has_perm(LEAVE_OPEN):
        return False
    return all(
        right == LEAVE_OPEN or right.partition(".")[2].startswith("view_") for right in user.get_all_permissions()
    )


def end_all(user: User) -> int:
    """End the sessions of this user, wherever they are logged in. Returns how many there were.

    Each session is read: it does not tell whose it is otherwise."""
    mine = [
        session.pk
        for session in Session.objects.filter(expire_date__gt=timezone.now()).iterator()
        if session.get_decoded().get(SESSION_KEY) == str(user.pk)
    ]
    return sum(Session.objects.filter(pk=key).delete()[0] for key in mine)


def _begin(sender: object, request: HttpRequest | None, user: User, **kwargs: Any) -> None:
    session = getattr(request, "session", None)  # a login by IMAP asks with a request that has none
    if session is None:
        return
    session[SINCE] = session[SEEN] = time.time()
    if is_display(user):
        session.set_expiry(settings.IMAPX["DISPLAY_SECONDS"])


class SessionLimits(MiddlewareMixin):
    """After those of sessions, users and messages. Who comes too late is asked to log in, and told why."""

    def process_request(self, request: HttpRequest) -> HttpResponse | None:
        user = request.user
        if not isinstance(user, User):
            return None
        why = why_over(request.session, user)
        if not why:
            self._keep(request.session)
            return None
        request.session.flush()
        request.user = AnonymousUser()
        lost = "" if request.method in ("GET", "HEAD") else " What you sent has changed nothing."
        messages.warning(request, f"{why}{lost} Log in to go on.")
        if request.headers.get("Sec-Fetch-Mode", "navigate") != "navigate":
            # A script's own request: it can do nothing with the page to log in on; htmx loads its page again.
            return HttpResponseForbidden(why, content_type="text/plain", headers={"HX-Refresh": "true"})
        request.leads_back_to_form = lost != ""  # type: ignore[attr-defined]
        return None

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        if getattr(request, "leads_back_to_form", False) and 300 <= response.status_code < 400:
            response["Location"] = _back_to_form(request, response["Location"])
        return response

    def _keep(self, session: SessionBase) -> None:
        now = time.time()
        if now - session[SEEN] >= min(WRITE_SECONDS, settings.IMAPX["SESSION_IDLE_SECONDS"] / 10):
            session[SEEN] = now


def _back_to_form(request: HttpRequest, login: str) -> str:
    """After the login: the page whose form was sent too late, not where it was sent to."""
    parts = urlsplit(login)
    query = dict(parse_qsl(parts.query))
    if "next" in query:
        form = request.headers.get("Referer", "")
        ours = url_has_allowed_host_and_scheme(form, {request.get_host()}, require_https=request.is_secure())
        query["next"] = urlsplit(form)._replace(scheme="", netloc="").geturl() if ours else reverse("admin:index")
    return urlunsplit(parts._replace(query=urlencode(query, safe="/")))
