import os
import stat
from pathlib import Path

import pytest

from commands.arguments.signature import Parameter, ParameterType
from commands.programs.addresses import ADDRESS_LENGTH, is_pattern
from commands.programs.addresses import SIGNATURE as SIGNATURE_PATTERN
from tests.commands.programs.script import DEADLINE, run, start

DONE = (0, b"", b"")


@pytest.fixture
def listed(tmp_path: Path) -> Path:
    (tmp_path / "blacklist").write_bytes(b"joe@smith.com\nann@jones.org\n")
    return tmp_path


def test_add_and_remove_print_nothing(tmp_path: Path) -> None:
    assert run("imapx-blacklist", "add", "joe@smith.com", home=tmp_path) == DONE
    assert run("imapx-blacklist", "remove", "joe@smith.com", home=tmp_path) == DONE
    assert (tmp_path / "blacklist").read_bytes() == b""


def test_list_gives_exactly_the_addresses_in_the_order_of_adding(tmp_path: Path) -> None:
    for address in ("zoe@smith.com", "ann@jones.org", "Müller@example.org"):
        run("imapx-blacklist", "add", address, home=tmp_path)
    expected = "zoe@smith.com\nann@jones.org\nMüller@example.org\n".encode()
    assert run("imapx-blacklist", "list", home=tmp_path) == (0, expected, b"")


def test_list_of_nothing_is_empty(tmp_path: Path) -> None:
    assert run("imapx-blacklist", "list", home=tmp_path) == DONE
    assert not list(tmp_path.iterdir())


def test_adding_again_in_other_case_is_done_and_changes_nothing(listed: Path) -> None:
    before = (listed / "blacklist").stat()
    assert run("imapx-blacklist", "add", "Joe@SMITH.com", home=listed) == DONE
    after = (listed / "blacklist").stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_removing_what_is_not_there_says_so_with_status_1(listed: Path) -> None:
    assert run("imapx-blacklist", "remove", "eve@smith.com", home=listed) == (1, b"not in the blacklist\n", b"")


def test_removing_ignores_case(listed: Path) -> None:
    assert run("imapx-blacklist", "remove", "JOE@smith.com", home=listed) == DONE
    assert (listed / "blacklist").read_bytes() == b"ann@jones.org\n"


def test_the_two_lists_are_apart(listed: Path) -> None:
    run("imapx-whitelist", "add", "boss@work.example", home=listed)
    assert run("imapx-whitelist", "list", home=listed)[1] == b"boss@work.example\n"
    assert run("imapx-blacklist", "list", home=listed)[1] == b"joe@smith.com\nann@jones.org\n"


@pytest.fixture
def mixed(tmp_path: Path) -> Path:
    (tmp_path / "blacklist").write_bytes(b"joe@smith.com\n*@jones.org\n*.evil.example\nto old@example.org\n")
    return tmp_path


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        (
            ("spamassassin",),
            b"blacklist_from joe@smith.com\nblacklist_from *@jones.org\nblacklist_from *.evil.example\n"
            b"blacklist_to old@example.org\n",
        ),
        (("rspamd",), rb"/^joe@smith\.com$/i|/^.+@jones\.org$/i|/^.+@.+\.evil\.example$/i|".replace(b"|", b"\n")),
        (
            ("rspamd", "from"),
            rb"/^joe@smith\.com$/i|/^.+@jones\.org$/i|/^.+@.+\.evil\.example$/i|".replace(b"|", b"\n"),
        ),
        (("rspamd", "to"), b"/^old@example\\.org$/i\n"),
    ],
)
def test_dump_gives_the_filters_own_form(mixed: Path, form: tuple[str, ...], expected: bytes) -> None:
    assert run("imapx-blacklist", "dump", *form, home=mixed) == (0, expected, b"")


def test_senders_and_recipients_are_entries_of_their_own(listed: Path) -> None:
    for arguments in (("to", "joe@smith.com"), ("from", "eve@smith.com"), ("from", "JOE@smith.com"), ("to", "*.x.org")):
        assert run("imapx-blacklist", "add", *arguments, home=listed) == DONE
    assert run("imapx-blacklist", "remove", "from", "joe@smith.com", home=listed) == DONE
    expected = b"ann@jones.org\nto joe@smith.com\neve@smith.com\nto *.x.org\n"
    assert run("imapx-blacklist", "list", home=listed) == (0, expected, b"")
    assert run("imapx-blacklist", "remove", "to", "ann@jones.org", home=listed)[0] == 1


def test_a_wildcard_is_an_entry_and_covers_none(tmp_path: Path) -> None:
    run("imapx-blacklist", "add", "*@smith.com", home=tmp_path)
    assert run("imapx-blacklist", "remove", "joe@smith.com", home=tmp_path) == (1, b"not in the blacklist\n", b"")
    assert run("imapx-blacklist", "remove", "*@Smith.com", home=tmp_path) == DONE


def test_whitelist_is_dumped_as_a_whitelist(tmp_path: Path) -> None:
    run("imapx-whitelist", "add", "boss@work.example", home=tmp_path)
    assert run("imapx-whitelist", "dump", "spamassassin", home=tmp_path)[1] == b"whitelist_from boss@work.example\n"


@pytest.mark.parametrize(
    "address",
    [
        "",
        "joe",
        "@smith.com",
        "joe@",
        "a@b@c",
        "joe@smith.com\nblacklist_from *",
        "joe@smith.com # hm",
        "*",
        "*@*",
        "*@*.smith.com",
        "*@",
        "*.",
        "*..com",
        "*smith.com",
        "joe*@smith.com",
        "j?e@smith.com",
        "to joe@smith.com",
        "from",
        "-x@smith.com",
        "a\x1bb@smith.com",
        "x" * 250 + "@smith.com",
    ],
)
def test_what_a_filter_would_take_for_something_else_is_no_address(tmp_path: Path, address: str) -> None:
    status, output, errors = run("imapx-blacklist", "add", address, home=tmp_path)
    assert (status, output) == (65, b"")
    assert errors.startswith(b"blacklist: not an e-mail address")
    assert not (tmp_path / "blacklist").exists()


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("add",),
        ("add", "a@b.c", "d@e.f"),
        ("add", "to", "a@b.c", "d@e.f"),
        ("dump", "csv"),
        ("dump", "spamassassin", "to"),
        ("list", "all"),
    ],
)
def test_wrong_usage_is_status_64(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    status, output, errors = run("imapx-blacklist", *arguments, home=tmp_path)
    assert (status, output) == (64, b"")
    assert errors.startswith(b"blacklist: usage: add [from|to] ADDRESS")


def test_parallel_adds_lose_nothing(tmp_path: Path) -> None:
    addresses = {f"sender{number}@example.com" for number in range(16)}
    processes = [start("imapx-blacklist", "add", address, home=tmp_path) for address in addresses]
    assert [process.communicate(timeout=DEADLINE) for process in processes] == [(b"", b"")] * 16
    assert {process.returncode for process in processes} == {0}
    assert sorted((tmp_path / "blacklist").read_text().splitlines()) == sorted(addresses)


def test_file_is_the_users_alone_even_after_a_crash_left_another_mode(tmp_path: Path) -> None:
    (tmp_path / "blacklist.new").write_bytes(b"half writ")
    (tmp_path / "blacklist.new").chmod(0o644)
    run("imapx-blacklist", "add", "joe@smith.com", home=tmp_path)
    assert (tmp_path / "blacklist").read_bytes() == b"joe@smith.com\n"
    assert stat.S_IMODE((tmp_path / "blacklist").stat().st_mode) == 0o600
    assert not (tmp_path / "blacklist.new").exists()


def test_a_full_list_says_so_and_stays(tmp_path: Path) -> None:
    full = b"".join(b"sender%d@example.com\n" % number for number in range(3000))
    (tmp_path / "blacklist").write_bytes(full)
    expected = (1, b"the blacklist is full: it has 3000 addresses\n", b"")
    assert run("imapx-blacklist", "add", "joe@smith.com", home=tmp_path) == expected
    assert (tmp_path / "blacklist").read_bytes() == full


@pytest.mark.parametrize("arguments", [("list",), ("add", "joe@smith.com")])
def test_what_is_no_file_is_status_74(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    (tmp_path / "blacklist").mkdir()
    status, output, errors = run("imapx-blacklist", *arguments, home=tmp_path)
    assert (status, output) == (74, told("Is a directory"))
    assert errors.startswith(b"blacklist: ") and errors.count(b"\n") == 1


def told(reason: str) -> bytes:
    return f"the blacklist can't be read or changed now, it is as it was: {reason}\n".encode()


@pytest.mark.parametrize("arguments", [("add", "eve@smith.com"), ("remove", "joe@smith.com")])
def test_a_full_disk_loses_nothing_and_is_said(listed: Path, arguments: tuple[str, str]) -> None:
    """As much as a process may write to a file, here, as that needs no disk of its own."""
    (listed / "blacklist").write_bytes(full := b"joe@smith.com\n" + b"".join(b"x%d@x.org\n" % n for n in range(400)))
    status, output, _ = run("imapx-blacklist", *arguments, home=listed, under=["prlimit", "--fsize=4096"])
    assert (status, output) == (74, told("File too large"))
    assert (listed / "blacklist").read_bytes() == full
    assert not (listed / "blacklist.new").exists()
    assert run("imapx-blacklist", *arguments, home=listed) == DONE


def test_a_home_that_is_read_only_loses_nothing_and_is_said(listed: Path) -> None:
    listed.chmod(0o500)
    # As root it would be no hindrance, but for a root without capabilities.
    under = ["setpriv", "--bounding-set=-all"] if os.geteuid() == 0 else []
    try:
        status, output, _ = run("imapx-blacklist", "add", "eve@smith.com", home=listed, under=under)
        assert (status, output) == (74, told("Permission denied"))
        assert run("imapx-blacklist", "list", home=listed, under=under)[1] == b"joe@smith.com\nann@jones.org\n"
    finally:
        listed.chmod(0o700)


def test_without_a_home_it_is_status_78(tmp_path: Path) -> None:
    assert run("imapx-blacklist", "list", home=tmp_path, HOME="") == (78, b"", b"blacklist: HOME is not set\n")


def test_bytes_that_are_no_text_come_back_as_they_went_in(tmp_path: Path) -> None:
    assert run("imapx-blacklist", "add", os.fsencode("m\udcfcller@example.org"), home=tmp_path) == DONE
    assert run("imapx-blacklist", "list", home=tmp_path)[1] == b"m\xfcller@example.org\n"


SIGNATURE = Parameter("address", ParameterType.PATTERN, SIGNATURE_PATTERN, max_length=ADDRESS_LENGTH)


@pytest.mark.parametrize("pattern", ["joe@smith.com", "*@smith.com", "*.smith.com", "*.com", "o'neil+x@a-b.example"])
def test_the_signature_takes_what_the_program_takes(tmp_path: Path, pattern: str) -> None:
    assert SIGNATURE.match(pattern.encode())
    assert run("imapx-blacklist", "add", pattern, home=tmp_path) == DONE


WILD = ("*", "*@*", "*@", "*.", "*..com", "j*@smith.com", "*smith.com", "*@-x.org", "*." + "x." * 126 + "com")


@pytest.mark.parametrize("pattern", [*WILD, "a@b@c", "a#b@c.org", "joe@smith.com\n", "x" * 65 + "@smith.com"])
def test_the_signature_refuses_what_is_no_pattern(pattern: str) -> None:
    assert not SIGNATURE.match(pattern.encode())


@pytest.mark.parametrize(("length", "taken"), [(63, True), (64, True), (65, False), (127, False)])
def test_part_before_the_at_sign_is_64_bytes_at_most_dots_too(length: int, taken: bool) -> None:
    local = ("x." * 64)[: length - 1] + "x"
    assert is_pattern(local.encode() + b"@smith.com") is taken
    assert SIGNATURE.match(local.encode() + b"@smith.com") or not taken
