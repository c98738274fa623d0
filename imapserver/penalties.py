"""What failed logins cost: the answer waits, longer each time; and django-axes locks a user out at an address.

All knowledge of axes is here. The web login goes through its backend and signals (see the settings), and so does an
IMAP login that Django decides: `authenticated`. Where an engine decides, the login code calls `allowed`, `failed` and
`succeeded`.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

from axes.handlers.proxy import AxesProxyHandler
from axes.helpers import get_credentials
from channels.db import database_sync_to_async
from django.conf import settings
from django.contrib.auth import authenticate
from django.contrib.auth.models import User
from django.http import HttpRequest

from imapserver.addresses import source
from imapserver.sasl import LoginFailed

WRONG, LOCKED_OUT = "wrong user name or password", "locked out"

USERNAME_LENGTH = 255
"""Of axes' column; PostgreSQL refuses a longer one. Django's own user names are shorter."""

ADDRESSES = 16_384
"""Addresses that are remembered, about 3 MB. Whoever has more of them is not stopped by counting them."""


class Delays:
    """Failed logins by address, in this process."""

    def __init__(self) -> None:
        self._failures: OrderedDict[str, tuple[int, float]] = OrderedDict()
        """How many, and when the last one was; the longest ago is the first."""

    def fail(self, address: str, now: float) -> float:
        """Count a failed login at `now`; return for how many seconds its answer waits."""
        key = source(address)
        count, last = self._failures.pop(key, (0, now))
        if now - last >= settings.IMAPX["FAILED_LOGIN_FORGET_SECONDS"]:
            count = 0
        self._failures[key] = count + 1, now
        if len(self._failures) > ADDRESSES:
            self._failures.popitem(last=False)
        longest: float = settings.IMAPX["FAILED_LOGIN_MAX_SECONDS"]
        # Not 2 ** count for any count: that overflows one day.
        seconds: float = settings.IMAPX["FAILED_LOGIN_SECONDS"] * 2 ** min(count, 30)
        return min(seconds, longest)


delays = Delays()
"""Of this process."""


async def wait(address: str) -> None:
    """Count a failed login and wait before it is answered. A login that succeeds waits for nobody's failures."""
    await asyncio.sleep(delays.fail(address, asyncio.get_running_loop().time()))


# Lock-out


def authenticated(username: str, password: str, address: str) -> User:
    """Ask Django's authentication backends, of which axes is the first. Raises LoginFailed and DatabaseError.

    Takes a tenth of a second: to be called in a thread."""
    request = _request(address)
    user = authenticate(request, username=username, password=password)
    if user is None:
        raise LoginFailed(username, _failure(request))
    _forget(username, address)
    return user


async def allowed(username: str, address: str) -> bool:
    """Whether this user may try from there. Raises DatabaseError if that can't be known."""
    return await database_sync_to_async(_allowed, thread_sensitive=False)(username, address)


async def failed(username: str, address: str) -> None:
    """An engine has refused this user. Raises DatabaseError."""
    await database_sync_to_async(_count, thread_sensitive=False)(username, address)


async def succeeded(username: str, address: str) -> None:
    """An engine has let this user in: what failed before is forgotten. Raises DatabaseError."""
    await database_sync_to_async(_forget, thread_sensitive=False)(username, address)


def _request(address: str) -> HttpRequest:
    request = HttpRequest()
    request.META = {"REMOTE_ADDR": address, "PATH_INFO": "IMAP", "HTTP_USER_AGENT": "IMAP"}
    return request


def _allowed(username: str, address: str) -> bool:
    return bool(AxesProxyHandler.is_allowed(_request(address), get_credentials(username)))


def _count(username: str, address: str) -> None:
    AxesProxyHandler.user_login_failed(__name__, get_credentials(username), _request(address))


def _forget(username: str, address: str) -> None:
    # Looked at first: nearly always there is nothing, and deleting it would take SQLite's one lock for writing.
    request, credentials = _request(address), get_credentials(username)
    if AxesProxyHandler.get_failures(request, credentials):
        AxesProxyHandler.reset_attempts(ip_address=axes_address(request), username=axes_username(request, credentials))


def _failure(request: HttpRequest) -> str:
    locked: bool = request.axes_locked_out  # type: ignore[attr-defined]
    counted: int | None = request.axes_failures_since_start  # type: ignore[attr-defined]
    if not locked:
        return WRONG
    return LOCKED_OUT if counted is None else f"{WRONG}, {LOCKED_OUT} from now on"


def axes_address(request: HttpRequest) -> str | None:
    """AXES_CLIENT_IP_CALLABLE."""
    return source(request.META.get("REMOTE_ADDR", "")) or None


def axes_username(request: HttpRequest, credentials: Mapping[str, Any] | None) -> str:
    """AXES_USERNAME_CALLABLE. Cut to what axes' column takes; no user has such a name."""
    name = (request.POST if credentials is None else credentials).get("username") or ""
    return str(name)[:USERNAME_LENGTH]
