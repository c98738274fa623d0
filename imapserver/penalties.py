"""What failed logins cost: the answer waits, longer each time; and django-axes locks a user out at an address.

All knowledge of axes is here. The web login goes through its backend and signals (see the settings), and so does an
IMAP login that Django decides; where an engine decides, the login code calls `allowed`, `failed` and `succeeded`.
"""

import asyncio
import logging
from collections import OrderedDict

from axes.handlers.proxy import AxesProxyHandler
from django.conf import settings
from django.db import DatabaseError
from django.http import HttpRequest

from imapserver.addresses import source

logger = logging.getLogger(__name__)

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


def request_from(address: str) -> HttpRequest:
    """The request that Django's authenticate() is to be called with for an IMAP login from `address`."""
    request = HttpRequest()
    request.META = {"REMOTE_ADDR": address, "PATH_INFO": "IMAP", "HTTP_USER_AGENT": "IMAP"}
    return request


def failure_of(request: HttpRequest) -> str:
    """Why authenticate() returned no user, for the record."""
    locked: bool = request.axes_locked_out  # type: ignore[attr-defined]
    counted: int | None = request.axes_failures_since_start  # type: ignore[attr-defined]
    if not locked:
        return WRONG
    return LOCKED_OUT if counted is None else f"{WRONG}; {LOCKED_OUT} from now on"


async def allowed(username: str, address: str) -> bool:
    """Whether this user may try from there. If the database is away the answer is yes: the engine that decides has
    its own, and mail goes on."""
    try:
        return await _run(lambda request, credentials: bool(AxesProxyHandler.is_allowed(request, credentials)))(
            username, address
        )
    except DatabaseError:
        logger.exception("Not known whether %r is locked out", username)
        return True
