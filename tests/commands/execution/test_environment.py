"""What a program inherits from the process that serves, and the user's home."""

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

from commands.execution.environment import make_home

from .conftest import PROGRAMS

SERVE = """
import os, signal, sys
import django; django.setup()
from commands.execution.environment import prepare_process
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
os.set_inheritable(os.open("/dev/null", os.O_RDONLY), True)
prepare_process()
prepare_process()
os.spawnv(os.P_WAIT, sys.argv[1], ["argdump"])
print(signal.getsignal(signal.SIGCHLD) == signal.SIG_DFL)
"""


def serve(data_dir, **streams) -> list[str]:
    process = subprocess.run(
        [sys.executable, "-c", SERVE, str(PROGRAMS / "argdump")],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"DJANGO_SETTINGS_MODULE": "imapx_site.settings", "IMAPX_DATA_DIR": str(data_dir)},
        **streams,
    )
    return process.stdout.splitlines()


def test_prepared_process_hands_on_umask_077_an_empty_directory_and_no_descriptors(data_dir):
    with Path(os.devnull).open() as inherited:
        dumped, child_signal_is_default = serve(data_dir, pass_fds=[inherited.fileno()])
    seen = json.loads(dumped)
    assert seen["umask"] == 0o077
    assert seen["cwd"] == str(data_dir / "empty")
    assert seen["fds"] == [0, 1, 2]
    assert child_signal_is_default == "True"


def test_prepared_process_opens_standard_streams_that_were_closed(data_dir):
    def close_input_and_errors():
        os.close(0)
        os.close(2)

    dumped, _ = serve(data_dir, preexec_fn=close_input_and_errors)
    assert json.loads(dumped)["fds"] == [0, 1, 2]


def test_each_user_has_a_home_that_only_the_server_reads(data_dir):
    homes = [make_home(user_id) for user_id in (7, 8)]
    assert homes == [data_dir / "homes" / "7", data_dir / "homes" / "8"]
    assert make_home(7) == homes[0]
    assert {stat.S_IMODE(home.stat().st_mode) for home in (*homes, data_dir / "homes")} == {0o700}
