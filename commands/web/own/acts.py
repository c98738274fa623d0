"""What users do about themselves: end what runs as them, disconnect it, lock themselves. By POST alone, each recorded.

Whatever is named is looked for among the user's own: what is another's is not there."""

from collections.abc import Callable
from functools import wraps
from typing import Any, cast
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.views.decorators.http import require_POST

from commands import locks
from commands.audit import StoreUnavailable
from commands.live import now
from commands.live.ending import end_connection, end_execution, end_user
from commands.locks import Target
from commands.models import Connection, Execution, Lock
from commands.web.actor import actor_of
from commands.web.own.pages import is_own, locks_of
from commands.web.text import visible

REASON = "on their own page"
NOT_RECORDED = "Nothing was done, since it can't be recorded now. Please try again in a moment."

Act = Callable[..., None]


def _act(act: Act) -> Callable[..., HttpResponse]:
    """Do it, and go back to the page, which says what came of it."""

    @wraps(act)
    def done(request: HttpRequest, **named: Any) -> HttpResponse:
        try:
            act(request, cast(User, request.user), **named)
        except StoreUnavailable:
            messages.error(request, NOT_RECORDED)
        return HttpResponseRedirect(reverse("own:home"))

    return login_required(require_POST(done), login_url="own:login")


@_act
def end(request: HttpRequest, user: User, key: UUID) -> None:
    execution = get_object_or_404(Execution, pk=key, user_id=user.pk)
    if execution.outcome:
        messages.info(request, f"{visible(execution.verb)} had ended already.")
        return
    end_execution(execution, REASON, actor_of(request))
    _tell_ended(request, [execution])


@_act
def disconnect(request: HttpRequest, user: User, key: UUID) -> None:
    connection = Connection.objects.filter(pk=key, user_id=user.pk).first()
    if connection is None:
        # Not an error: it may have gone while the page was looked at. Whose another one is stays untold.
        messages.info(request, "It is not connected any more.")
        return
    end_connection(connection, REASON, actor_of(request))
    messages.success(request, "It is being disconnected: that takes a second.")


@_act
def end_all(request: HttpRequest, user: User) -> None:
    executions = now.executions_of(user.pk)
    ended = end_user(user.pk, REASON, actor_of(request))
    if executions:
        _tell_ended(request, executions)
    messages.success(request, f"Ended: {ended}. It may take a second until the last is gone.")


@_act
def lock(request: HttpRequest, user: User) -> None:
    """Nothing of this user starts any more, and what runs is ended."""
    if any(is_own(standing, user) for standing in locks_of(user)):
        messages.info(request, "You have locked yourself already.")
        return
    reason = request.POST.get("reason", "").replace("\0", "").strip() or "by the user"
    try:
        made = locks.make(Target(user=user), reason, user.get_username())
    except ValidationError as error:
        messages.error(request, f"Not locked: {' '.join(error.messages)}")
        return
    running = locks.running(made)
    messages.warning(request, "EXECUTE is locked for you: nothing starts any more. Mail itself goes on.")
    if running:
        _tell_ended(request, running)


@_act
def lift(request: HttpRequest, user: User, key: int) -> None:
    standing = get_object_or_404(Lock, pk=key, user=user)
    if not is_own(standing, user):
        raise PermissionDenied("An administrator has made this lock: ask them to lift it.")
    standing.delete()
    messages.success(request, "Your lock is lifted.")


def _tell_ended(request: HttpRequest, executions: list[Execution]) -> None:
    """Once it is known: it takes a second at most, wherever it runs."""
    for execution in locks.await_end(executions):
        if execution.outcome:
            messages.success(request, f"Ended: {visible(execution.verb)}.")
        else:
            messages.warning(request, f"{visible(execution.verb)} still runs. Look again in a moment.")
