"""What every way to carry a dialogue does: show output, and feed input beside it."""

import asyncio
from collections.abc import Coroutine
from typing import Any


async def show_beside(show: Coroutine[Any, Any, None], feed: Coroutine[Any, Any, None]) -> None:
    """Return when `show` does; `feed` goes on beside it and ends with it."""
    feeding = asyncio.get_running_loop().create_task(feed)
    try:
        await show
    finally:
        feeding.cancel()
        await asyncio.wait([feeding])
