"""Whether the channel layer carries messages: what runs in one process is watched from another through it."""

import asyncio
import time

from channels.layers import InMemoryChannelLayer, get_channel_layer

ANSWER_SECONDS = 2.0


class LayerUnavailable(Exception):
    """It does not carry a message now; str() says why."""


def is_in_memory() -> bool:
    """Of this process alone: there is nothing to ask, and no other process is reached."""
    return isinstance(get_channel_layer(), InMemoryChannelLayer)


def failures() -> tuple[type[Exception], ...]:
    """What the layer raises when it is away."""
    if is_in_memory():
        return ()
    from redis.exceptions import RedisError

    return RedisError, OSError


async def round_trip() -> float:
    """Send ourselves a message; return how many seconds it took. Raises LayerUnavailable."""
    layer, began = get_channel_layer(), time.perf_counter()
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            name = await layer.new_channel("health")
            await layer.send(name, {"type": "health"})
            await layer.receive(name)
    except TimeoutError:
        raise LayerUnavailable(f"no answer within {ANSWER_SECONDS:g} s") from None
    except failures() as error:
        raise LayerUnavailable(str(error) or type(error).__name__) from error
    return time.perf_counter() - began
