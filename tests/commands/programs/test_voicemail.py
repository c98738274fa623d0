import os
import select
import wave
from pathlib import Path

import pytest

from tests.commands.programs.script import DEADLINE, run, start

DONE = (0, b"", b"")
NONE = (1, b"there is no such recording\n", b"")
NOON = 1795521600  # 2026-11-24 12:00 UTC


@pytest.fixture
def spool(tmp_path: Path) -> Path:
    """The operator's directory, with one of the user demo in it."""
    (tmp_path / "spool" / "demo").mkdir(parents=True)
    return tmp_path / "spool"


def voicemail(spool: Path, *arguments: str, user: str = "demo", below: str = "{user}") -> tuple[int, bytes, bytes]:
    directory = f"{spool}/{below}"
    return run("imapx-voicemail", "--directory", directory, *arguments, home=spool, IMAPX_USER=user, TZ="UTC")


def record(path: Path, seconds: int = 2, time: int = NOON) -> bytes:
    """A recording, as a telephone system makes it: 8,000 samples of 16 bits a second."""
    with wave.open(str(path), "wb") as sound:
        sound.setparams((1, 2, 8000, 0, "NONE", ""))
        sound.writeframes((bytes(range(256)) * 63 * seconds)[: 16000 * seconds])
    os.utime(path, (time, time))
    return path.read_bytes()


def test_list_gives_number_date_caller_length_and_name_the_oldest_first(spool: Path) -> None:
    record(spool / "demo" / "20261124-120100_+14155551212.wav", 3, NOON + 60)
    record(spool / "demo" / "b.wav", 2, NOON)
    (spool / "demo" / "c.gsm").write_bytes(b"\xd0" * 33)
    os.utime(spool / "demo" / "c.gsm", (NOON + 120, NOON + 120))
    status, output, errors = voicemail(spool, "list")
    assert (status, errors) == (0, b"")
    assert [line.split("\t") for line in output.decode().splitlines()] == [
        ["1", "2026-11-24 12:00", "-", "2", "32044", "b.wav"],
        ["2", "2026-11-24 12:01", "+14155551212", "3", "48044", "20261124-120100_+14155551212.wav"],
        ["3", "2026-11-24 12:02", "-", "-", "33", "c.gsm"],
    ]


def test_what_asterisk_writes_beside_a_recording_is_told(spool: Path) -> None:
    inbox = spool / "demo" / "INBOX"
    inbox.mkdir()
    (inbox / "msg0000.gsm").write_bytes(b"\xd0" * 3300)
    text = f'[message]\ncallerid="Joe Blow" <4155551212>\norigtime={NOON}\nduration=2\n'
    (inbox / "msg0000.txt").write_text(text)
    status, output, _ = voicemail(spool, "list", below="{user}/INBOX")
    assert (status, output) == (0, b'1\t2026-11-24 12:00\t"Joe Blow" <4155551212>\t2\t3300\tmsg0000.gsm\n')
    assert voicemail(spool, "delete", "1", below="{user}/INBOX") == DONE
    assert not list(inbox.iterdir())


def test_fetch_gives_the_recording_byte_for_byte_by_number_and_by_name(spool: Path) -> None:
    first, second = record(spool / "demo" / "a.wav", 1), record(spool / "demo" / "b.wav", 3, NOON + 1)
    assert voicemail(spool, "fetch", "1") == (0, first, b"")
    assert voicemail(spool, "fetch", "2") == voicemail(spool, "fetch", "b.wav") == (0, second, b"")


def test_a_large_recording_is_streamed(spool: Path) -> None:
    """It is read no faster than it is taken: a part of it is there, and the program waits."""
    data = os.urandom(5 * 1024 * 1024)
    (spool / "demo" / "a.wav").write_bytes(data)
    arguments = ("--directory", f"{spool}/{{user}}", "fetch", "1")
    with start("imapx-voicemail", *arguments, home=spool) as process:
        assert process.stdout is not None and select.select([process.stdout], [], [], DEADLINE)[0]
        piece = os.read(process.stdout.fileno(), 100)
        counts = Path(f"/proc/{process.pid}/io").read_text().splitlines()
        read = int(next(line for line in counts if line.startswith("rchar:")).split()[1])
        assert read < 4 * 1024 * 1024
        assert piece + process.communicate(timeout=DEADLINE)[0] == data
    assert process.returncode == 0


def test_delete_takes_that_one_away(spool: Path) -> None:
    kept = record(spool / "demo" / "a.wav")
    record(spool / "demo" / "b.wav", 2, NOON + 1)
    assert voicemail(spool, "delete", "b.wav") == DONE
    assert voicemail(spool, "delete", "b.wav") == NONE
    assert voicemail(spool, "fetch", "1") == (0, kept, b"")


@pytest.mark.parametrize("action", ["fetch", "delete"])
def test_what_is_not_in_the_list_is_not_there(spool: Path, action: str) -> None:
    record(spool / "demo" / "a.wav")
    record(spool / "secret.wav")
    (spool / "demo" / ".hidden.wav").write_bytes(b"x")
    (spool / "demo" / "notes.txt").write_bytes(b"x")
    (spool / "demo" / "old").mkdir()
    record(spool / "demo" / "old" / "b.wav")
    numbers = ("0", "2", "-1", "99999999999999999999", "\N{ARABIC-INDIC DIGIT ONE}")
    paths = ("", ".", "..", "../secret.wav", str(spool / "secret.wav"), "./a.wav", "old/b.wav")
    for which in (*numbers, *paths, "b.wav", ".hidden.wav", "notes.txt"):
        assert voicemail(spool, action, which) == NONE, which
    assert (spool / "secret.wav").exists() and (spool / "demo" / "a.wav").exists()


def test_links_fifos_and_directories_are_no_recordings(spool: Path) -> None:
    record(spool / "secret.wav")
    (spool / "demo" / "link.wav").symlink_to(spool / "secret.wav")
    os.mkfifo(spool / "demo" / "fifo.wav")
    (spool / "demo" / "directory.wav").mkdir()
    assert voicemail(spool, "list") == DONE
    for name in ("link.wav", "fifo.wav", "directory.wav"):
        assert voicemail(spool, "fetch", name) == NONE


def test_what_a_linked_text_says_is_not_told(spool: Path) -> None:
    record(spool / "demo" / "a.wav")
    (spool / "secret").write_text("callerid=secret\n")
    (spool / "demo" / "a.txt").symlink_to(spool / "secret")
    assert b"secret" not in voicemail(spool, "list")[1]


@pytest.mark.parametrize("user", ["..", ".", "", "../ann", "ann/../demo", "/etc", "demo/", "demo/old"])
def test_a_name_that_leads_elsewhere_has_no_recordings(spool: Path, user: str) -> None:
    record(spool / "demo" / "a.wav")
    record(spool / "a.wav")
    assert voicemail(spool, "list", user=user) == (1, b"a user of this name can have no recordings\n", b"")


def test_a_users_directory_that_is_a_link_is_refused(spool: Path) -> None:
    record(spool / "demo" / "a.wav")
    (spool / "ann").symlink_to(spool / "demo")
    (spool / "bob").mkdir()
    (spool / "bob" / "INBOX").symlink_to(spool / "demo")
    for user, below in (("ann", "{user}"), ("bob", "{user}/INBOX")):
        status, output, errors = voicemail(spool, "list", user=user, below=below)
        assert (status, output, errors[:11]) == (78, b"", b"voicemail: ")


def test_a_user_without_a_directory_has_an_empty_list(spool: Path) -> None:
    assert voicemail(spool, "list", user="ann") == DONE
    assert voicemail(spool, "list", below="{user}/INBOX") == DONE
    assert voicemail(spool, "fetch", "1", user="ann") == NONE


def test_users_are_apart_also_within_a_name(spool: Path) -> None:
    (spool / "box-ann").mkdir()
    record(spool / "box-ann" / "a.wav")
    assert voicemail(spool, "list", user="ann", below="box-{user}")[1].endswith(b"\ta.wav\n")
    assert voicemail(spool, "list", below="box-{user}") == DONE


def test_a_directory_that_is_not_there_is_status_78(spool: Path) -> None:
    status, output, errors = voicemail(spool, "list", below="nowhere/{user}")
    assert (status, output) == (78, b"")
    assert errors.startswith(b"voicemail: ") and errors.count(b"\n") == 1


def test_a_name_makes_no_line_and_no_control_of_its_own(spool: Path) -> None:
    name = b"a\t\n\x1b[2J\xff_12345.wav"
    Path(os.fsdecode(os.fsencode(spool / "demo") + b"/" + name)).write_bytes(b"RIFF")
    output = voicemail(spool, "list")[1].decode()
    assert output.split("\t")[2:] == ["12345", "-", "4", "a\ufffd\ufffd\ufffd[2J\ufffd_12345.wav\n"]
    assert voicemail(spool, "fetch", "1") == (0, b"RIFF", b"")


def test_a_broken_head_gives_no_length(spool: Path) -> None:
    whole = record(spool / "demo" / "a.wav")
    endless = whole[:40] + b"\xff\xff\xff\xff" + whole[44:]
    for data, seconds in ((b"", b"-"), (whole[:30], b"-"), (whole[:24] + bytes(8) + whole[32:], b"-"), (endless, b"2")):
        (spool / "demo" / "a.wav").write_bytes(data)
        assert voicemail(spool, "list")[1].split(b"\t")[3] == seconds


@pytest.mark.parametrize(
    "arguments",
    [(), ("list",), ("--directory", "spool", "list"), ("--directory", "/tmp"), ("--directory", "/tmp", "fetch"),
     ("--directory", "/tmp", "list", "1"), ("--directory", "/tmp", "play", "1")],
)  # fmt: skip
def test_wrong_usage_is_status_64(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    status, output, errors = run("imapx-voicemail", *arguments, home=tmp_path)
    assert (status, output) == (64, b"")
    assert errors.startswith(b"voicemail: usage: imapx-voicemail --directory PATH")


def test_a_client_that_is_gone_ends_it_quietly(spool: Path) -> None:
    (spool / "demo" / "a.wav").write_bytes(bytes(5 * 1024 * 1024))
    with start("imapx-voicemail", "--directory", f"{spool}/{{user}}", "fetch", "1", home=spool) as process:
        assert process.stdout is not None and process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 74
