"""The kind `program`: what it is given, how it ends, and that nothing is left of it."""

import asyncio
import itertools
import json
import os
import resource
import signal
import time

import pytest

from commands.execution.executable import ExecutableUnavailable, Exit
from commands.execution.program import Program, start_program

from .conftest import Accept, descriptors, is_running, until_gone

MEBIBYTE = 1024 * 1024


async def read_all(program: Program) -> bytes:
    pieces = []
    while piece := await program.stdout.read(65536):
        pieces.append(piece)
    return b"".join(pieces)


async def run(accepted) -> tuple[Exit, bytes]:
    program = await start_program(accepted)
    try:
        async with asyncio.timeout(10):
            output = await read_all(program)
            return await program.wait(), output
    finally:
        program.close()


async def dump(accepted) -> dict:
    _, output = await run(accepted)
    return json.loads(output)


@pytest.mark.parametrize(
    "argument",
    [
        b"; id",
        b"| id",
        b"`id`",
        b"$(id)",
        b"> /tmp/x",
        b"*",
        b"~",
        b"$HOME",
        b"a\nb",
        b"",
        b"  ",
        b"\t",
        b"\xff\xfe",
        b"'\"",
    ],
)
async def test_argument_arrives_as_one_literal_element(accept: Accept, argument):
    seen = await dump(accept("argdump", argument, b"end"))
    assert [element.encode("latin-1") for element in seen["argv"][1:]] == [argument, b"end"]


async def test_environment_is_just_the_documented_one(accept: Accept, data_dir, monkeypatch):
    monkeypatch.setenv("LD_DEBUG_OUTPUT", "leaked")
    monkeypatch.setenv("TZ", "Europe/Paris")
    accepted = accept(
        "argdump",
        username="() { :;}; id",
        tag="100",
        mailbox="Entw&APw-rfe",
        remote_addr="::1",
        tls=True,
        environment={"LISTS": "/srv/lists"},
    )
    assert (await dump(accepted))["env"] == {
        "HOME": str(data_dir / "homes" / "7"),
        "IMAPX_EXECUTION": str(accepted.execution_id),
        "IMAPX_MAILBOX": "Entw&APw-rfe",
        "IMAPX_REMOTE_ADDR": "::1",
        "IMAPX_TAG": "100",
        "IMAPX_TLS": "1",
        "IMAPX_USER": "() { :;}; id",
        "IMAPX_VERB": "test",
        "LANG": "C.UTF-8",
        "LISTS": "/srv/lists",
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "TZ": "Europe/Paris",
    }


async def test_program_leads_its_own_session(accept: Accept):
    seen = await dump(accept("argdump"))
    assert seen["pid"] == seen["pgid"] == seen["sid"] != os.getsid(0)


async def test_program_starts_with_no_signal_blocked_or_ignored(accept: Accept):
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1})
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        _, output = await run(accept("signals"))
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGUSR1})
        signal.signal(signal.SIGHUP, before)
    of_glibc = 1 << 31 | 1 << 32  # its own signals 32 and 33: it ignores them in all that it spawns
    assert [int(line.split()[1], 16) & ~of_glibc for line in output.decode().splitlines()] == [0, 0]


@pytest.mark.parametrize("code", [0, 1, 127, 255])
async def test_exit_status_is_reported(accept: Accept, code):
    assert await run(accept("exits", str(code))) == (Exit(code=code), b"")


@pytest.mark.parametrize("name", ["TERM", "KILL", "SEGV", "PIPE"])
async def test_signal_is_reported(accept: Accept, name):
    assert (await run(accept("dies", name)))[0] == Exit(signal=signal.Signals[f"SIG{name}"])


@pytest.mark.parametrize("path", ["/nonexistent/program", "/etc/passwd", "/", "relative"])
async def test_what_cannot_be_executed_is_unavailable(accept: Accept, path):
    with pytest.raises(ExecutableUnavailable):
        await start_program(accept(path))


@pytest.mark.parametrize("changed", ["file", "directory", "link"])
async def test_what_others_may_write_since_the_verb_was_saved_is_unavailable(accept: Accept, tmp_path, changed):
    directory = tmp_path / "bin"
    directory.mkdir(0o755)
    program, canary = directory / "tool", tmp_path / "canary"
    program.write_text(f"#!/bin/sh\n: > {canary}\n")
    program.chmod(0o755)
    assert (await run(accept(str(program))))[0] == Exit(code=0)
    canary.unlink()
    if changed == "link":
        elsewhere = tmp_path / "elsewhere"
        elsewhere.mkdir()
        elsewhere.chmod(0o777)
        program.rename(elsewhere / "tool")
        program.symlink_to(elsewhere / "tool")
    else:
        (program if changed == "file" else directory).chmod(0o777)
    with pytest.raises(ExecutableUnavailable, match="can be written by everybody: chmod o-w"):
        await start_program(accept(str(program)))
    assert not canary.exists()


def is_free(descriptor: int) -> bool:
    try:
        os.fstat(descriptor)
    except OSError:
        return True
    return False


async def test_start_without_free_descriptors_is_unavailable_and_leaves_none_open(accept: Accept):
    """With each number of free descriptors that does not suffice, so that every step fails once."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    before = descriptors()
    numbers = list(itertools.islice(filter(is_free, itertools.count()), 10))
    refused = 0
    try:
        for limit in numbers:  # as many free ones below it as rounds have been
            resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))
            try:
                program = await start_program(accept("exits", "0"))
            except ExecutableUnavailable:
                refused += 1
            else:
                await program.wait()
                program.close()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert refused == 7  # three pipes and a pidfd
    assert descriptors() == before


async def test_output_that_was_written_before_the_end_can_be_read_after_it(accept: Accept):
    program = await start_program(accept("prints", "last words"))
    assert await program.wait() == Exit(code=0)
    assert await read_all(program) == b"last words"
    program.close()


async def test_output_of_a_mebibyte_is_complete(accept: Accept):
    exit, output = await run(accept("octets", str(MEBIBYTE)))
    assert (exit, output) == (Exit(code=0), b"x" * MEBIBYTE)


async def test_rest_of_the_process_group_is_killed_at_the_leaders_end(accept: Accept):
    exit, output = await run(accept("leaves-child"))
    assert exit == Exit(code=0)
    await until_gone(int(output))


async def test_grandchild_that_escaped_with_the_pipes_does_not_hold_up_the_end(accept: Accept, to_be_killed):
    began = time.monotonic()
    exit, output = await run(accept("double-fork"))
    to_be_killed.add(int(output))
    assert exit == Exit(code=0)
    assert time.monotonic() - began < 5
    assert is_running(int(output))  # it did escape


async def test_terminate_reaches_the_whole_group(accept: Accept):
    program = await start_program(accept("never-reads"))
    assert await program.stdout.read(100) == b"ready\n"
    program.terminate()
    assert await program.wait() == Exit(signal=signal.SIGTERM)
    program.terminate()  # nothing: its id may be another's by now
    program.close()


async def test_closing_a_running_program_kills_it(accept: Accept):
    program = await start_program(accept("ignores-term"))
    pid = int(await program.stdout.read(100))
    program.terminate()
    program.close()
    assert await program.wait() == Exit(signal=signal.SIGKILL)
    assert not is_running(pid)


async def test_waiting_may_be_cancelled_and_done_again(accept: Accept):
    program = await start_program(accept("closes-stdout"))
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0):
            await program.wait()
    program.stdin.close()
    assert await program.wait() == Exit(code=0)
    program.close()


async def test_write_ends_when_the_program_dies(accept: Accept):
    program = await start_program(accept("never-reads"))
    await program.stdout.read(100)

    async def write():
        await program.stdin.write(bytes(MEBIBYTE))

    async with asyncio.TaskGroup() as tasks:
        writing = tasks.create_task(_outcome(write()))
        await asyncio.sleep(0)
        program.kill()
        await program.wait()
    assert isinstance(writing.result(), BrokenPipeError)
    program.close()


async def test_write_to_a_closed_input_is_a_broken_pipe_even_while_it_waits(accept: Accept):
    program = await start_program(accept("closes-stdin"))
    async with asyncio.timeout(5):
        with pytest.raises(BrokenPipeError):
            await program.stdin.write(bytes(MEBIBYTE))
    program.kill()
    await program.wait()
    program.close()


async def test_reading_is_fair_to_the_rest_of_the_loop(accept: Accept):
    program = await start_program(accept("flood"))
    turns = 0

    async def count():
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    async with asyncio.TaskGroup() as tasks:
        counting = tasks.create_task(count())
        for _ in range(200):
            await program.stdout.read(4096)
        counting.cancel()
    assert turns > 100
    program.kill()
    await program.wait()
    program.close()


async def _outcome(awaitable) -> BaseException | None:
    try:
        await awaitable
    except OSError as error:
        return error
    return None
