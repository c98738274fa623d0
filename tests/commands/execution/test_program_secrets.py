"""Secret arguments of a program: the first lines of its input, and nowhere that others can look."""

from dataclasses import replace
from pathlib import Path

import pytest

from commands.arguments.signature import Match, Parameter, ParameterType, Signature
from commands.execution.executable import ExecutableUnavailable
from commands.execution.program import start_program

from .conftest import Accept

PASSWD = Signature(tuple(Parameter(name, ParameterType.SECRET) for name in ("old", "new")))


async def test_secrets_are_the_first_lines_of_the_input_in_order(accept: Accept):
    accepted = replace(accept("says-pid"), match=Match(PASSWD, {"new": b"hunter2-new", "old": b"hunter2-old"}))
    program = await start_program(accepted)
    for name in ("cmdline", "environ"):
        assert b"hunter2" not in Path(f"/proc/{program.pid}/{name}").read_bytes()
    await program.stdin.write(b"then the message\n")
    program.stdin.close()
    output = b""
    while data := await program.stdout.read(1000):
        output += data
    assert output.endswith(b"\nhunter2-old\nhunter2-new\nthen the message\n")
    await program.wait()
    program.close()


async def test_program_that_reads_none_is_not_waited_for(accept: Accept):
    accepted = replace(accept("exits", "0"), match=Match(PASSWD, {"old": b"x" * 1024, "new": b"y" * 1024}))
    program = await start_program(accepted)
    assert (await program.wait()).code == 0
    program.close()


async def test_more_secrets_than_a_pipe_takes_at_once_are_not_started(accept: Accept):
    accepted = replace(accept("says-pid"), match=Match(PASSWD, {"old": b"x" * 2500, "new": b"y" * 2500}))
    with pytest.raises(ExecutableUnavailable, match="more secret arguments"):
        await start_program(accepted)
