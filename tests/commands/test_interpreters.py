"""Programs that run whatever their arguments say are known by their names, and by those of what they link to."""

from pathlib import Path

import pytest

from commands.interpreters import interpreter


@pytest.mark.parametrize(
    "name",
    [
        *(
            "sh",
            "bash",
            "dash",
            "zsh",
            "ksh",
            "fish",
            "busybox",
            "python",
            "python3",
            "python3.11",
            "perl",
            "perl5.36.0",
        ),
        *("ruby", "node", "php", "php8.2", "lua5.4", "awk", "gawk", "mawk", "env", "sudo", "ssh", "xargs", "find"),
        *("timeout", "nice", "setsid", "make", "ld-linux-x86-64.so.2"),
    ],
)
def test_shell_interpreter_or_starter_is_known(name: str):
    assert interpreter(f"/nowhere/{name}") == name


@pytest.mark.parametrize(
    "name",
    ["true", "echo", "push", "publish", "imapx-blacklist", "pythonic", "environment", "sshd", "finder", "tool.sh"],
)
def test_other_program_is_none(name: str):
    assert interpreter(f"/nowhere/{name}") == ""


def test_name_behind_links_counts(tmp_path: Path):
    shell, middle, link = (tmp_path / name for name in ("dash", "middle", "tool"))
    shell.touch()
    middle.symlink_to(shell)
    link.symlink_to("middle")
    assert interpreter(str(link)) == "dash"


def test_name_of_a_directory_does_not_count(tmp_path: Path):
    (tmp_path / "python3").mkdir()
    (tmp_path / "current").symlink_to("python3")
    assert interpreter(str(tmp_path / "current" / "tool")) == ""


def test_program_that_is_many_is_what_it_is_started_as(tmp_path: Path):
    (tmp_path / "busybox").touch()
    for name in ("cat", "sh"):
        (tmp_path / name).symlink_to("busybox")
    assert interpreter(str(tmp_path / "cat")) == ""
    assert interpreter(str(tmp_path / "sh")) == "sh"


def test_links_that_lead_to_each_other_end(tmp_path: Path):
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    assert interpreter(str(tmp_path / "a")) == ""
