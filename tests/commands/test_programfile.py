"""The file of a program: whoever could put another one in its place is named, with what to do about it."""

import os
import pwd
from collections.abc import Callable
from pathlib import Path

import pytest

from commands.programfile import UnsafeProgramError, check_program

OTHER = 65534  # nobody


@pytest.fixture
def program(tmp_path: Path) -> Path:
    path = tmp_path / "bin" / "tool"
    path.parent.mkdir(mode=0o755)
    path.write_text("#!/bin/true\n")
    path.chmod(0o755)
    return path


def fault(path: Path | str) -> str:
    try:
        check_program(str(path))
    except UnsafeProgramError as error:
        return str(error)
    return ""


needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file to somebody else")


@pytest.mark.parametrize("path", ["/bin/true", "/usr/bin/env", "/bin//./true", "/usr/bin/../bin/true"])
def test_programs_of_the_system_may_be_run(path: str):
    assert fault(path) == ""


def test_own_program_in_a_directory_below_a_sticky_one_may_be_run(program: Path):
    assert fault(program) == ""
    program.parent.chmod(0o1777)
    assert fault(program) == ""


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda program: program.unlink(), "There is no {program}."),
        (lambda program: program.chmod(0o644), "{program} can't be executed by {user}: chmod +x {program}."),
        (lambda program: program.chmod(0o757), "{program} can be written by everybody: chmod o-w {program}."),
        (lambda program: program.parent.chmod(0o777), "{bin} can be written by everybody: chmod o-w {bin}."),
        (lambda program: program.parent.parent.chmod(0o707), "{above} can be written by everybody: chmod o-w {above}."),
        (lambda program: (program.unlink(), program.mkdir()), "{program} is a directory: give the path of a program."),
        (lambda program: (program.unlink(), os.mkfifo(program)), "{program} is a pipe: give the path of a program."),
    ],
)
def test_fault_names_the_place_and_what_to_do(program: Path, change: Callable[[Path], object], words: str):
    change(program)
    user = pwd.getpwuid(os.geteuid()).pw_name
    expected = words.format(program=program, bin=program.parent, above=program.parent.parent, user=user)
    assert fault(program) == expected


@needs_root
@pytest.mark.parametrize("above", [0, 1, 2])
def test_what_belongs_to_somebody_else_is_refused_wherever_it_is_on_the_way(program: Path, above: int):
    place = (program, *program.parents)[above]
    os.chown(place, OTHER, -1)
    assert fault(program).startswith(f"{place} belongs to {pwd.getpwuid(OTHER).pw_name}, ")
    assert fault(program).endswith(f": chown root {place}.")


@needs_root
def test_what_another_group_may_write_is_refused_and_what_the_own_private_group_may_is_not(program: Path):
    program.parent.chmod(0o775)
    assert fault(program) == ""  # of root's own group
    os.chown(program.parent, -1, OTHER)
    assert f"{program.parent} can be written by the group" in fault(program)
    assert fault(program).endswith(f"chmod g-w {program.parent}.")


@needs_root
def test_place_with_an_acl_that_lets_others_write_is_refused(program: Path):
    # acl(5) as setfacl -m u:65534:rwx would store it: the bits of the group become the mask.
    entries = ((1, 7, -1), (2, 7, OTHER), (4, 5, -1), (16, 7, -1), (32, 5, -1))
    acl = b"\2\0\0\0" + b"".join(
        tag.to_bytes(2, "little") + bits.to_bytes(2, "little") + (who & 0xFFFFFFFF).to_bytes(4, "little")
        for tag, bits, who in entries
    )
    try:
        os.setxattr(program.parent, "system.posix_acl_access", acl)
    except OSError as error:
        pytest.skip(f"no ACLs here: {error}")
    assert "can be written by the group" in fault(program)


def test_link_is_followed_and_each_directory_on_its_way_counts(program: Path, tmp_path: Path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    link = elsewhere / "link"
    link.symlink_to("../bin/tool")
    assert fault(link) == ""
    program.parent.chmod(0o777)
    assert f"{program.parent} can be written by everybody" in fault(link)
    program.parent.chmod(0o755)
    elsewhere.chmod(0o777)
    assert f"{elsewhere} can be written by everybody" in fault(link)


@needs_root
def test_link_of_somebody_else_is_refused_also_where_its_target_is_safe(program: Path, tmp_path: Path):
    link = tmp_path / "link"
    link.symlink_to(program)
    os.lchown(link, OTHER, -1)
    assert f"chown -h root {link}" in fault(link)


def test_links_that_lead_to_each_other_end(tmp_path: Path):
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    assert "more than 40 symbolic links" in fault(tmp_path / "a")


@pytest.mark.parametrize("path", ["", "true", "./true"])
def test_path_that_is_not_absolute_is_refused(path: str):
    assert "is not absolute" in fault(path)


def test_name_that_a_shell_would_take_apart_is_quoted_in_the_advice(tmp_path: Path):
    path = tmp_path / "a tool; rm"
    path.touch(0o644)
    assert fault(path).endswith(f"chmod +x '{path}'.")


def test_file_below_a_file_is_said_so(program: Path):
    assert fault(program / "x") == f"{program} is a file, and nothing can be in it."
