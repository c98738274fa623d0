"""The kind `plugin`: a Python callable as an executable, that can neither leak nor hold anything up."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace

import pytest
import pytest_asyncio

from commands import plugins
from commands.arguments.signature import Match, Parameter, ParameterType, Signature
from commands.execution.buffer import LIMIT
from commands.execution.executable import ExecutableUnavailable, Exit
from commands.execution.plugin import PluginRun, start_plugin
from commands.execution.running import Execution
from commands.outcome import Outcome
from commands.plugins import Context

from .conftest import Accept

MEBIBYTE = 1024 * 1024

Start = Callable[..., Awaitable[PluginRun]]

OLD = Signature((Parameter("old", ParameterType.SECRET), Parameter("more", ParameterType.TEXT, optional=True)))


@pytest_asyncio.fixture
async def start(accept: Accept) -> AsyncIterator[Start]:
    """Starts a function as a plugin. `arguments` are matched by the signature OLD."""
    started: list[PluginRun] = []

    async def start(plugin: plugins.Plugin, *arguments: bytes, **about) -> PluginRun:
        accepted = accept("none", kind="plugin", **about)
        attempt = replace(accepted.attempt, arguments=arguments)
        match = Match(OLD, OLD.match(arguments) or {})
        started.append(PluginRun(replace(accepted, attempt=attempt, match=match), plugin))
        return started[-1]

    async with asyncio.timeout(15):
        yield start
    for run in started:
        run.close()


async def read_all(run: PluginRun) -> bytes:
    pieces = []
    while data := await run.stdout.read(65536):
        pieces.append(data)
    return b"".join(pieces)


async def echo(context: Context) -> None:
    while line := await context.readline():
        await context.write(line)


async def test_lines_go_in_and_out_until_the_input_ends(start: Start):
    run = await start(echo)
    await run.stdin.write(b"one\n")
    assert await run.stdout.read(100) == b"one\n"
    await run.stdin.write(b"two")
    run.stdin.close()
    assert await read_all(run) == b"two"
    assert await run.wait() == Exit(code=0)


async def test_plugin_is_told_what_it_was_called_with_and_by_whom(start: Start):
    seen = []

    async def look(context: Context) -> None:
        seen.append((context.arguments, context.values, context.user))
        assert "hunter2" not in repr(context)

    about = {"username": "ann", "remote_addr": "192.0.2.7", "tls": True, "mailbox": "Sent"}
    await (await start(look, b"hunter2", b"x", **about)).wait()
    user = plugins.PluginUser(id=7, **about)
    assert seen == [((b"hunter2", b"x"), {"old": b"hunter2", "more": b"x"}, user)]


@pytest.mark.parametrize(("status", "code"), [(None, 0), (0, 0), (3, 3), (255, 255), (256, 1), (-1, 1), ("0", 1)])
async def test_what_it_returns_is_its_exit_status(start: Start, status: object, code: int):
    async def end(context: Context) -> object:
        return status

    assert await (await start(end)).wait() == Exit(code=code)


@pytest.mark.parametrize("error", [RuntimeError, SystemExit, asyncio.CancelledError, ExceptionGroup, EOFError])
async def test_whatever_it_raises_is_status_1_and_not_shown(start: Start, error: type[BaseException], caplog):
    async def fail(context: Context) -> None:
        await context.write(b"so far\n")
        raise ExceptionGroup("hidden", [ValueError("hidden")]) if error is ExceptionGroup else error("hidden")

    run = await start(fail)
    assert await read_all(run) == b"so far\n"
    assert await run.wait() == Exit(code=1)
    assert ("the plugin failed" in caplog.text) == (error is not asyncio.CancelledError)


async def test_log_of_a_failure_tells_where_but_no_secret(start: Start, caplog):
    caplog.set_level(logging.DEBUG)

    async def quote_it(context: Context) -> None:
        try:
            raise KeyError(context.values["old"])
        except KeyError as error:
            raise ValueError(f"wrong: {context.arguments}") from error

    await (await start(quote_it, b"hunter2")).wait()
    assert "ValueError" in caplog.text and "in quote_it" in caplog.text
    assert "hunter2" not in caplog.text


async def test_ask_shows_its_prompt_before_it_says_that_it_waits(start: Start):
    async def greet(context: Context) -> None:
        name = await context.ask("Your name? ")
        await context.write(b"hello " + name + b"\n")

    run = await start(greet)
    await asyncio.sleep(0)
    assert not run.asks.is_set()
    assert await run.stdout.read(100) == b"Your name? "
    await run.asks.wait()
    assert run.is_waiting()
    await run.stdin.write(b"ann\n")
    assert not run.asks.is_set()  # at once, or it would be asked again
    assert await read_all(run) == b"hello ann\n"


async def test_ask_does_not_wait_for_a_line_that_is_there(start: Start):
    asked = []

    async def two(context: Context) -> None:
        asked.extend([await context.ask(), await context.ask()])

    run = await start(two)
    await run.stdin.write(b"one\ntwo\n")
    assert await run.wait() == Exit(code=0)
    assert asked == [b"one", b"two"]


async def test_ask_at_the_end_of_the_input_raises_eof(start: Start):
    async def ask(context: Context) -> int:
        try:
            await context.ask()
        except EOFError:
            return 5
        return 0

    run = await start(ask)
    await run.asks.wait()
    run.stdin.close()
    assert await run.wait() == Exit(code=5)
    assert not run.asks.is_set()


async def test_neither_input_nor_output_is_held_without_bound(start: Start):
    written = []

    async def flood(context: Context) -> None:
        while True:
            await context.write(bytes(1000))
            written.append(1000)

    run = await start(flood)
    async with asyncio.TaskGroup() as group:
        writing = group.create_task(write_until_broken(run))
        for _ in range(1000):
            await asyncio.sleep(0)
        assert len(run.stdout) == len(run.input) == LIMIT and sum(written) <= LIMIT
        run.terminate()
        assert await writing
    assert await run.wait() == Exit(code=1)


async def write_until_broken(run: PluginRun) -> bool:
    try:
        while True:
            await run.stdin.write(bytes(MEBIBYTE))
    except BrokenPipeError:
        return True


async def test_terminated_plugin_may_clean_up_and_what_it_writes_is_read(start: Start):
    async def tidy(context: Context) -> None:
        try:
            await context.readline()
        finally:
            await context.write(b"tidied up\n")

    run = await start(tidy)
    await asyncio.sleep(0)
    run.terminate()
    assert await read_all(run) == b"tidied up\n"
    assert await run.wait() == Exit(code=1)


async def test_plugin_that_ignores_its_cancellation_holds_nothing_up(start: Start):
    released, ended = asyncio.Event(), asyncio.Event()
    told = []

    async def deaf(context: Context) -> None:
        while not released.is_set():
            try:
                await released.wait()
            except asyncio.CancelledError:
                told.append(True)
        try:
            await context.write(b"too late")
        except BrokenPipeError:
            told.append(False)
        ended.set()

    run = await start(deaf)
    await asyncio.sleep(0)
    run.terminate()
    run.kill()
    assert await run.wait() == Exit(code=1)
    assert await read_all(run) == b""
    released.set()
    await ended.wait()
    assert told == [True, False]  # cancelled, and then what it wrote went nowhere


async def test_time_limit_ends_a_plugin(accept: Accept):
    async def wait(context: Context) -> None:
        await asyncio.Event().wait()

    accepted = accept("none", kind="plugin", time_limit=1)
    execution = Execution(accepted, PluginRun(accepted, wait))
    async with asyncio.timeout(10):
        assert await execution.read() is None
        await execution.wait()
    assert execution.result() == (Outcome.TIMEOUT, None)
    execution.close()


async def test_registered_plugin_is_found_and_run(accept: Accept, monkeypatch):
    monkeypatch.setattr(plugins, "_registered", {})
    plugins.register("echo", echo)
    assert plugins.names() == ["echo", "passwd"]
    run = await start_plugin(accept("none", kind="plugin", plugin="echo"))
    run.stdin.close()
    assert await run.wait() == Exit(code=0)


async def test_plugin_of_an_entry_point_is_found(accept: Accept):
    from commands.plugins.passwd import passwd

    assert plugins.find("passwd") is passwd


async def test_plugin_that_is_not_there_or_can_not_be_imported_is_unavailable(accept: Accept, tmp_path, monkeypatch):
    metadata = tmp_path / "broken-1.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: broken\nVersion: 1\n")
    (metadata / "entry_points.txt").write_text(f"[{plugins.GROUP}]\nbroken = no_such_module:plugin\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ExecutableUnavailable, match="none of this name"):
        await start_plugin(accept("none", kind="plugin", plugin="nothing"))
    with pytest.raises(ExecutableUnavailable, match="can't be imported"):
        await start_plugin(accept("none", kind="plugin", plugin="broken"))
