"""A private Redis server: on a Unix socket in a temporary directory, in memory alone, gone when it is stopped."""

import shutil
import signal
import subprocess
import tempfile
from pathlib import Path

from tests.support import peers


class Redis:
    """`url` names it, from the start. `pause` lets it hang as one that is overloaded would, until `go_on` or `stop`."""

    def __init__(self) -> None:
        program = peers.require("redis-server", "redis-server")
        self._directory = Path(tempfile.mkdtemp(prefix="imapx-redis-"))  # closed to others: it trusts who gets in
        path = self._directory / "socket"
        self.url = f"unix://{path}"
        argv = [program, "--port", "0", "--unixsocket", path, "--save", "", "--dir", self._directory]
        self._process = subprocess.Popen(argv, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        said = []
        for line in self._process.stdout:
            said.append(line)
            if "eady to accept connections" in line:
                return
        self.stop()
        raise RuntimeError(f"redis-server does not start: {''.join(said)}")

    def pause(self) -> None:
        self._process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        self._process.send_signal(signal.SIGCONT)

    def stop(self) -> None:
        """Also one that is stopped already."""
        self._process.kill()
        self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()
        shutil.rmtree(self._directory, ignore_errors=True)
