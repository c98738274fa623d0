"""Logins on the web, and lock-outs by whatever way they come: audit events, from the signals of Django and of axes.

A login by IMAP is recorded where it is decided. If it asks Django's backends they send these signals too, with a
request that was made up for axes: such a one has no method.
"""

import logging
from typing import Any

from axes.signals import user_locked_out
from django.contrib.auth.models import User
from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed
from django.http import HttpRequest
from django_otp.plugins.otp_static.models import StaticDevice

from commands import audit, metrics
from commands.models import AuditEvent
from commands.outcome import Outcome

logger = logging.getLogger(__name__)

WEB, IMAP = "web", "imap"


def connect() -> None:
    user_logged_in.connect(_logged_in, dispatch_uid="commands.logins")
    user_logged_out.connect(_logged_out, dispatch_uid="commands.logins")
    user_login_failed.connect(_failed, dispatch_uid="commands.logins")
    user_locked_out.connect(_locked_out, dispatch_uid="commands.logins")


def _logged_in(sender: object, request: HttpRequest | None, user: User, **kwargs: Any) -> None:
    if request is not None and _is_of_the_web(request):
        by_recovery = isinstance(getattr(user, "otp_device", None), StaticDevice)  # set where a code was asked for
        _record(request, Outcome.OK, user.get_username(), user.pk, "with a recovery code" if by_recovery else "")


def record_confirmed(request: HttpRequest, user: User) -> None:
    """Somebody who is logged in has given password and code again, before something that matters."""
    _record(request, Outcome.OK, user.get_username(), user.pk, "confirmed who it is")


def _logged_out(sender: object, request: HttpRequest | None, user: User | None, **kwargs: Any) -> None:
    if request is not None and user is not None and _is_of_the_web(request):
        _record(request, Outcome.LOGOUT, user.get_username(), user.pk)


def _failed(sender: object, credentials: dict[str, Any], request: HttpRequest | None = None, **kwargs: Any) -> None:
    if request is None or not _is_of_the_web(request):
        return
    # axes' own receiver comes first: by now it has counted, and may have locked out.
    locked = getattr(request, "axes_locked_out", False)  # axes sets it, where axes is asked at all
    reason = kwargs.get("reason", "wrong user name or password") + (", locked out" if locked else "")
    _record(request, Outcome.FAILED, str(credentials.get("username") or ""), None, reason)


def _locked_out(sender: object, request: HttpRequest, username: str | None, **kwargs: Any) -> None:
    if request.axes_failures_since_start is None:  # type: ignore[attr-defined]
        return  # it was before, and this was one more try
    _record(
        request,
        Outcome.LOCKED_OUT,
        username or "",
        None,
        "too many failed logins from this address",
        kind=AuditEvent.Kind.ALERT,
    )


def _is_of_the_web(request: HttpRequest) -> bool:
    return request.method is not None


def _record(
    request: HttpRequest,
    outcome: Outcome,
    username: str,
    user_id: int | None,
    reason: str = "",
    kind: AuditEvent.Kind = AuditEvent.Kind.LOGIN,
) -> None:
    """It only logs if the store is away, as for IMAP: who can't be let in can't look why."""
    web = _is_of_the_web(request)
    if kind is AuditEvent.Kind.LOGIN:
        metrics.LOGINS.labels(WEB, outcome).inc()
    try:
        audit.record_now(
            kind=kind,
            outcome=outcome,
            reason=reason,
            actor_id=user_id,
            actor=username,
            remote_addr=request.META.get("REMOTE_ADDR"),
            tls=web and request.is_secure(),
            client_id=request.META.get("HTTP_USER_AGENT", "") if web else "",
            door=WEB if web else IMAP,
        )
    except audit.StoreUnavailable:
        logger.exception("Not recorded: %s of %r from %s", outcome, username, request.META.get("REMOTE_ADDR"))
