"""Answers that are made while they are sent, in constant memory."""

from collections.abc import AsyncIterator, Iterable, Iterator

from channels.db import database_sync_to_async
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest, StreamingHttpResponse

BLOCK = 64 * 1024


def download(request: HttpRequest, parts: Iterable[str | bytes], name: str, media_type: str) -> StreamingHttpResponse:
    """A file of this name. `parts` may ask the database, but holds nothing of it open between two of them."""
    blocks = _blocks(parts)
    # Django reads all of a synchronous iterator before it sends the first byte over ASGI.
    content = _beside(blocks) if isinstance(request, ASGIRequest) else blocks
    response = StreamingHttpResponse(content, content_type=media_type)
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


def _blocks(parts: Iterable[str | bytes]) -> Iterator[bytes]:
    block = bytearray()
    for part in parts:
        block += part.encode("utf-8", "surrogatepass") if isinstance(part, str) else part
        if len(block) >= BLOCK:
            yield bytes(block)
            block.clear()
    if block:
        yield bytes(block)


async def _beside(blocks: Iterator[bytes]) -> AsyncIterator[bytes]:
    while block := await _next(blocks):
        yield block


async def _next(blocks: Iterator[bytes]) -> bytes:
    return await database_sync_to_async(next, thread_sensitive=False)(blocks, b"")
