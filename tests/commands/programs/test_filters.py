"""What blacklist and whitelist dump, read by the spam filters themselves."""

import re
import subprocess
from collections.abc import Iterator
from email import message_from_string
from pathlib import Path

import pytest

from tests.commands.programs.rspamd import Rspamd
from tests.commands.programs.script import DEADLINE, run
from tests.support import peers

ODD = "o'neil/x=1&2|{3}^$%~`!-@odd.example"
SENDERS = ("joe@smith.com", "*@jones.org", "*.evil.example", "*.xyz", ODD)
RECIPIENTS = ("old@example.org", "*@alias.example", "*.gone.example")

CASES = [
    ("Joe@SMITH.com", "me@example.org", {"from"}),
    ("banjoe@smith.com", "me@example.org", set()),
    ("joe@smith.com.au", "me@example.org", set()),
    ("joe@smithxcom.org", "me@example.org", set()),
    ("joe@mail.smith.com", "me@example.org", set()),
    ("anybody@jones.org", "me@example.org", {"from"}),
    ("anybody@mail.jones.org", "me@example.org", set()),
    ("anybody@evil.example", "me@example.org", set()),
    ("anybody@a.b.Evil.example", "me@example.org", {"from"}),
    ("anybody@notevil.example", "me@example.org", set()),
    ("anybody@any.xyz", "me@example.org", {"from"}),
    (ODD, "me@example.org", {"from"}),
    ("ann@good.example", "Old@example.org", {"to"}),
    ("ann@good.example", "any@alias.example", {"to"}),
    ("ann@good.example", "any@a.gone.example", {"to"}),
    ("ann@good.example", "joe@smith.com", set()),
    ("old@example.org", "me@example.org", set()),
    ("joe@smith.com", "old@example.org", {"from", "to"}),
]


@pytest.fixture(scope="module", params=["blacklist", "whitelist"])
def listed(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """A list's name, and the home where it holds the addresses above."""
    home = tmp_path_factory.mktemp(request.param)
    for side, addresses in (("from", SENDERS), ("to", RECIPIENTS)):
        for address in addresses:
            assert run(f"imapx-{request.param}", "add", side, address, home=home) == (0, b"", b"")
    return request.param, home


def dump(listed: tuple[str, Path], *form: str) -> bytes:
    name, home = listed
    status, output, errors = run(f"imapx-{name}", "dump", *form, home=home)
    assert (status, errors) == (0, b"")
    return output


@pytest.fixture(scope="module")
def rspamd(listed: tuple[str, Path]) -> Iterator[Rspamd]:
    with Rspamd(dump(listed, "rspamd"), dump(listed, "rspamd", "to")) as rspamd:
        yield rspamd


@pytest.mark.parametrize(("sender", "recipient", "expected"), CASES)
def test_rspamd_finds_what_is_listed_and_nothing_else(
    rspamd: Rspamd, sender: str, recipient: str, expected: set[str]
) -> None:
    assert rspamd.listed(sender, recipient) == expected


def test_rspamd_takes_an_address_with_a_detail_for_the_one_without(rspamd: Rspamd) -> None:
    """Its own doing, before it looks into any map, as docs/applications.md says."""
    assert rspamd.listed("joe+news@smith.com", "old+news@example.org") == {"from", "to"}


def test_rspamd_takes_every_line_of_its_maps(rspamd: Rspamd) -> None:
    program = peers.require("rspamadm", "rspamd")
    checked = subprocess.run([program, "configtest", "-c", rspamd.configuration], capture_output=True, timeout=DEADLINE)
    assert (checked.returncode, checked.stdout) == (0, b"syntax OK\n")
    loaded = re.findall(rb"compiled (\d+) regular expressions from \S+/(from|to)\.map", rspamd.log)
    assert set(loaded) == {(b"%d" % len(SENDERS), b"from"), (b"%d" % len(RECIPIENTS), b"to")}


@pytest.fixture
def preferences(listed: tuple[str, Path], tmp_path: Path) -> Path:
    path = tmp_path / "user_prefs"
    path.write_bytes(dump(listed, "spamassassin"))
    return path


def spamassassin(preferences: Path, *arguments: str, given: str = "") -> subprocess.CompletedProcess[str]:
    """-L: no network."""
    program = peers.require("spamassassin", "spamassassin")
    argv = [program, "-L", "-p", preferences, *arguments]
    environment = {"HOME": str(preferences.parent), "PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"}
    return subprocess.run(argv, input=given, capture_output=True, text=True, timeout=DEADLINE, env=environment)


def test_spamassassin_finds_no_fault(preferences: Path) -> None:
    checked = spamassassin(preferences, "--lint")
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, "", "")


RULES = {
    ("blacklist", "from"): r"USER_IN_(BLACKLIST|BLOCKLIST)\b",
    ("blacklist", "to"): r"USER_IN_(BLACKLIST|BLOCKLIST)_TO\b",
    ("whitelist", "from"): r"USER_IN_(WHITELIST|WELCOMELIST)\b",
    ("whitelist", "to"): r"USER_IN_(WHITELIST|WELCOMELIST)_TO\b",
}


def test_spamassassin_finds_what_is_listed_and_nothing_else(listed: tuple[str, Path], preferences: Path) -> None:
    """All of them in one process, as a mailbox: one for each would take its start's second."""
    mailbox = preferences.parent / "mailbox"
    with mailbox.open("w") as file:
        for number, (sender, recipient, _) in enumerate(CASES):
            file.write(f"From x@y Tue Nov 24 09:00:00 2026\nFrom: <{sender}>\nTo: <{recipient}>\n")
            file.write(f"Subject: {number}\n\nhello\n\n")
    scored = spamassassin(preferences, "-t", "--mbox", str(mailbox))
    messages = map(message_from_string, re.split(r"^From x@y.*\n", scored.stdout, flags=re.MULTILINE)[1:])
    statuses = {int(message["Subject"]): message["X-Spam-Status"] for message in messages}
    assert len(statuses) == len(CASES), scored.stderr
    for number, (sender, recipient, expected) in enumerate(CASES):
        found = {side for side in ("from", "to") if re.search(RULES[listed[0], side], statuses[number])}
        assert found == expected, (sender, recipient, statuses[number])
