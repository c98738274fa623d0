"""What a watcher is sent: in order, in small messages, and never at the execution's expense."""

import asyncio
import dataclasses
from typing import Any

import pytest
from channels.layers import InMemoryChannelLayer, channel_layers

from commands.attempt import Accepted, End
from commands.live import tap as tap_module
from commands.live.tap import MESSAGE, WAITING, Tap
from commands.outcome import Outcome

END = End(Outcome.EXIT, 3, 0, 0, 0.0)


@pytest.fixture
def layer(settings: Any) -> InMemoryChannelLayer:
    settings.CHANNEL_LAYERS = {
        "default": {"BACKEND": "channels.layers.InMemoryChannelLayer", "CONFIG": {"capacity": 8}}
    }
    layer = channel_layers["default"]
    assert isinstance(layer, InMemoryChannelLayer)
    return layer


async def receive(layer: InMemoryChannelLayer, channel: str) -> dict[str, Any]:
    async with asyncio.timeout(10):
        message: dict[str, Any] = await layer.receive(channel)
    return message


async def to_the_end(layer: InMemoryChannelLayer, channel: str) -> list[dict[str, Any]]:
    """All messages up to the end."""
    messages = [await receive(layer, channel)]
    while messages[-1]["type"] != "execution.ended":
        messages.append(await receive(layer, channel))
    return messages


async def test_watcher_gets_the_beginning_the_pieces_and_the_end(
    accepted: Accepted, layer: InMemoryChannelLayer
) -> None:
    channel = await layer.new_channel()
    tap = Tap(accepted)
    tap.show_to(frozenset({channel}))
    assert await receive(layer, channel) == {"type": "execution.shown", "execution_id": str(accepted.execution_id)}
    tap.put("i", b"in\n")
    tap.put("o", b"out\n")
    tap.put("e", b"\xff")
    tap.finish(END)
    *pieces, end = await to_the_end(layer, channel)
    assert [(each["stream"], each["data"], each["skipped"]) for each in pieces] == [
        ("i", b"in\n", 0),
        ("o", b"out\n", 0),
        ("e", b"\xff", 0),
    ]
    assert (end["outcome"], end["code"]) == ("exit", 3)
    assert {each["execution_id"] for each in (*pieces, end)} == {str(accepted.execution_id)}


async def test_one_who_comes_later_sees_what_comes_then(accepted: Accepted, layer: InMemoryChannelLayer) -> None:
    first, second = await layer.new_channel(), await layer.new_channel()
    tap = Tap(accepted)
    tap.show_to(frozenset({first}))
    tap.put("o", b"early")
    while (message := await receive(layer, first)).get("data") != b"early":
        assert message["type"] == "execution.shown"
    tap.show_to(frozenset({first, second}))
    assert (await receive(layer, second))["type"] == "execution.shown"
    tap.put("o", b"late")
    tap.finish(END)
    assert [each.get("data") for each in await to_the_end(layer, second)] == [b"late", None]
    assert [each["type"] for each in await to_the_end(layer, first)] == ["execution.piece", "execution.ended"]


async def test_what_does_not_fit_is_counted(accepted: Accepted, layer: InMemoryChannelLayer) -> None:
    channel = await layer.new_channel()
    tap = Tap(accepted)
    tap.show_to(frozenset({channel}))
    tap.put("o", b"x" * (WAITING + 1000))
    tap.put("o", b"y" * 500)
    tap.finish(END)
    pieces = [each for each in await to_the_end(layer, channel) if each["type"] == "execution.piece"]
    assert sum(len(each["data"]) for each in pieces) == WAITING
    assert max(len(each["data"]) for each in pieces) <= MESSAGE
    assert sum(each["skipped"] for each in pieces) == 1500


async def test_watcher_who_does_not_keep_up_is_told_how_much_was_left_out(
    accepted: Accepted, layer: InMemoryChannelLayer
) -> None:
    channel, prompt = await layer.new_channel(), await layer.new_channel()
    tap = Tap(accepted)
    tap.show_to(frozenset({channel, prompt}))
    assert (await receive(layer, prompt))["type"] == "execution.shown"
    got = 0
    for number in range(20):  # the other one's channel takes eight
        tap.put("o", b"%3d" % number)
        while (await receive(layer, prompt)).get("data") != b"%3d" % number:
            pass
    for _ in range(8):
        got += len((await receive(layer, channel)).get("data", b""))
    tap.put("o", b"end")
    tap.finish(END)
    rest = await to_the_end(layer, channel)
    assert (got, rest[0]["skipped"], rest[0]["data"]) == (7 * 3, 13 * 3, b"end")


async def test_secret_is_redacted(accepted: Accepted, layer: InMemoryChannelLayer) -> None:
    channel = await layer.new_channel()
    verb = dataclasses.replace(accepted.verb, redactions=(r"pin \d+",))
    tap = Tap(dataclasses.replace(accepted, verb=verb))
    tap.show_to(frozenset({channel}))
    tap.put("o", b"\nmy pin 12")
    tap.put("o", b"34\n" + b"x" * 20_000)  # more than is redacted in the loop
    tap.finish(END)
    data = b"".join(each.get("data", b"") for each in await to_the_end(layer, channel))
    assert data == b"my [redacted]\n" + b"x" * 20_000


class Broken(InMemoryChannelLayer):
    async def send(self, channel: str, message: Any) -> None:
        raise OSError("nobody there")


class Slow(InMemoryChannelLayer):
    async def send(self, channel: str, message: Any) -> None:
        await asyncio.Event().wait()


@pytest.mark.parametrize("kind", ["Broken", "Slow"])
async def test_layer_that_is_away_is_logged_once_and_holds_nothing_up(
    accepted: Accepted, settings: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, kind: str
) -> None:
    monkeypatch.setattr(tap_module, "SEND_SECONDS", 0.01)
    monkeypatch.setattr(tap_module, "PAUSE_SECONDS", 0)
    settings.CHANNEL_LAYERS = {"default": {"BACKEND": f"{__name__}.{kind}"}}
    tap = Tap(accepted)
    tap.show_to(frozenset({"somebody"}))
    for _ in range(1000):
        tap.put("o", b"x" * 1000)  # returns at once, and takes no more memory than its room
        await asyncio.sleep(0)
    tap.finish(None)
    async with asyncio.timeout(10):
        await tap._task
    assert caplog.text.count("The channel layer does not take what is watched") == 1
