import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest
from django.contrib.auth import get_user_model

from commands.attempt import Attempt
from commands.execution.execution import Carry, End, Execution, run
from commands.models import AuditEvent, Parameter, Rule, Signature, TranscriptChunk, Verb

PROGRAMS = Path(__file__).parents[2] / "support" / "programs"

User = get_user_model()


@pytest.fixture(autouse=True)
def data_dir(settings, tmp_path) -> Path:
    settings.DATA_DIR = tmp_path / "data"
    return settings.DATA_DIR


@pytest.fixture
def attempt(db) -> Callable[..., Attempt]:
    """Puts a verb into the map that ann may run, recorded in full, and makes her attempt. `types`: of parameters."""
    user, _ = User.objects.get_or_create(username="ann")

    def attempt(*argv: str, types: tuple[str, ...] = (), arguments: tuple[bytes, ...] = (), **fields) -> Attempt:
        program = argv[0] if argv[0].startswith("/") else str(PROGRAMS / argv[0])
        number = Verb.objects.count()
        fields = {"transcript": "full", "output_limit": 2**30, "input_limit": 2**30} | fields
        verb = Verb.objects.create(name=f"v{number}", argv=[program, *argv[1:]], **fields)
        signature = Signature.objects.create(verb=verb)
        for place, type in enumerate(types):
            Parameter.objects.create(signature=signature, position=place, name=f"p{place}", type=type)
        Rule.objects.create(user=user, verb=verb)
        return Attempt(user.pk, "ann", verb.name, arguments, door="test")

    return attempt


async def read_all(execution: Execution) -> None:
    while await execution.read():
        pass


def says(*lines: bytes, wait_for: bytes = b"\n") -> Carry:
    """A carry that reads until `wait_for` has come, then writes a line, and so on; then reads what is left."""

    async def carry(execution: Execution) -> None:
        for line in lines:
            seen = b""
            while wait_for not in seen:
                output = await execution.read()
                assert output is not None
                seen += output.data
            await execution.write(line)
        execution.close_input()
        await read_all(execution)

    return carry


def run_it(attempt: Attempt, carry: Carry = read_all) -> End:
    async def within() -> End:
        async with asyncio.timeout(30):
            return await run(attempt, carry)

    return asyncio.run(within())


def chunks(stream: str = "ioe") -> list[TranscriptChunk]:
    """Those of the last execution that was recorded at all."""
    last = AuditEvent.objects.filter(kind="accept").order_by("-pk").first()
    return list(TranscriptChunk.objects.filter(execution_id=last.execution_id, stream__in=stream).order_by("sequence"))


def text(stream: str = "ioe") -> bytes:
    return b"".join(bytes(chunk.data or b"") for chunk in chunks(stream))
