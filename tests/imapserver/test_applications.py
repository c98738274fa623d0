"""The sessions of docs/applications.md, as they stand there."""

import os
import re
import sys
import wave
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import verbs
from tests.support.conversation import Client
from tests.support.postgres import Postgres
from tests.support.server import ROOT, Server
from tests.support.verbs import TestVerb

SECTIONS = ("blacklist and whitelist", "calendar", "voicemail")
HALF_PAST_NINE = 1795512600  # 2026-11-24, UTC


def session(section: str) -> str:
    text = (ROOT / "docs" / "applications.md").read_text().split(f"\n## {section}\n")[1].split("\n## ")[0]
    return "".join(re.findall(r"^    [CS]: .*\n", text, re.MULTILINE))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, run_postgres: Postgres | None) -> Iterator[Server]:
    """With the verbs as that page says to wire them; nobody else has used them."""
    data = tmp_path_factory.mktemp("applications")
    server = Server(data, run_postgres)
    server.prepare()
    server.python("from commands.models import Verb; Verb.objects.filter(name__in=['blacklist', 'voicemail']).delete()")
    programs = Path(sys.executable).parent
    directory = data / "voicemail" / "demo"
    (directory / "two-tones.wav").unlink()
    recording = directory / "20261124-093000_+14155551212.wav"
    with wave.open(str(recording), "wb") as sound:
        sound.setparams((1, 2, 8000, 0, "NONE", ""))
        sound.writeframes(bytes(2 * 8000 * 42))
    os.utime(recording, (HALF_PAST_NINE, HALF_PAST_NINE))
    voicemail = [str(programs / "imapx-voicemail"), "--directory", f"{data}/voicemail/{{user}}", "{*}"]
    verbs.add(
        server,
        TestVerb("blacklist", [str(programs / "imapx-blacklist"), "{*}"], texts=3),
        TestVerb("voicemail", voicemail, texts=2, environment={"TZ": "UTC"}),
    )
    with server.running("--engine", "none"):
        yield server
    server.close()


@pytest.mark.parametrize("section", SECTIONS)
def test_the_session_goes_as_the_page_says(demo: Client, section: str) -> None:
    demo.play(session(section))
