"""Requests with a larger body than any page of ours sends are refused before Django reads them.

daphne has received them by then, a large one into a temporary file: a web server in front should have a limit too."""

from collections.abc import Awaitable, Callable
from typing import Any

from django.conf import settings

Application = Callable[[dict[str, Any], Any, Any], Awaitable[None]]

BODY_BYTES = 256 * 1024
"""The largest form, of a verb with many signatures, has a tenth of it."""

MAP_PAGE = "/admin/commands/verb/map/"
"""Takes a whole map: as much as Django's own limit, which holds for the texts in a form, and a file of that size."""

REFUSAL = b"The request is too large: at most %d bytes are taken here.\n"


class _TooLarge(Exception):
    pass


def limited(application: Application) -> Application:
    """Answers 413 instead of `application`, for `http`."""

    async def guarded(scope: dict[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await application(scope, receive, send)
            return
        limit = _limit(scope["path"])
        if _declared(scope["headers"]) > limit:
            await _refuse(limit, send)
            return
        taken = 0

        async def counting() -> Any:
            nonlocal taken
            message = await receive()
            taken += len(message.get("body", b""))
            if taken > limit:  # it was sent in chunks, of no declared length
                raise _TooLarge
            return message

        try:
            await application(scope, counting, send)
        except _TooLarge:
            await _refuse(limit, send)

    return guarded


def _limit(path: str) -> int:
    return 2 * settings.DATA_UPLOAD_MAX_MEMORY_SIZE + BODY_BYTES if path == MAP_PAGE else BODY_BYTES


def _declared(headers: list[tuple[bytes, bytes]]) -> int:
    values = [value for name, value in headers if name == b"content-length"]
    return int(values[0]) if values and values[0].isdigit() else 0


async def _refuse(limit: int, send: Any) -> None:
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"x-content-type-options", b"nosniff")]
    await send({"type": "http.response.start", "status": 413, "headers": headers})
    await send({"type": "http.response.body", "body": REFUSAL % limit})
