"""A real Rspamd with the module multimap alone: which of its rules a message meets."""

import http.client
import json
import select
import shutil
import socket
import subprocess
import tempfile
from pathlib import Path

from tests.support import peers

PATIENCE = 30

CONFIGURATION = """
options {{
  pidfile = "{here}/pid"; control_socket = "{here}/control mode=0600"; cache_file = "{here}/cache";
  hs_cache_dir = "{here}"; tempdir = "{here}"; dynamic_conf = "{here}/dynamic"; disable_monitoring = true;
  filters = ""; url_tld = "{here}/tld"; dns {{ nameserver = ["127.0.0.1:1"]; }}
}}
logging {{ type = "console"; level = "info"; }}
worker "normal" {{ bind_socket = "{here}/socket mode=0600"; count = 1; }}
lua = "/usr/share/rspamd/rules/rspamd.lua";
modules {{ path = "/usr/share/rspamd/plugins/multimap.lua"; }}
actions {{ reject = 15; }}
multimap {{
  LISTED_FROM {{ type = "from"; regexp = true; map = "{here}/from.map"; score = 5; }}
  LISTED_TO {{ type = "rcpt"; regexp = true; map = "{here}/to.map"; score = 5; }}
}}
"""


class Connection(http.client.HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=PATIENCE)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


class Rspamd:
    """Its rules LISTED_FROM and LISTED_TO read these maps."""

    def __init__(self, from_map: bytes, to_map: bytes) -> None:
        binary = peers.require("rspamd", "rspamd")
        self.directory = Path(tempfile.mkdtemp(prefix="imapx-rspamd-"))  # short, as the paths of sockets must be
        (self.directory / "from.map").write_bytes(from_map)
        (self.directory / "to.map").write_bytes(to_map)
        (self.directory / "tld").write_text("com\norg\n")  # to compile the list of all would take seconds
        self.configuration = self.directory / "rspamd.conf"
        self.configuration.write_text(CONFIGURATION.format(here=self.directory))
        # -i: as root too.
        argv = [str(binary), "-f", "-i", "-c", str(self.configuration)]
        self._process = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, bufsize=0)
        self.log = b""

    def __enter__(self) -> "Rspamd":
        output = self._process.stdout
        assert output is not None
        while b"listening for control commands" not in self.log:  # by then its socket is there
            ready = select.select([output], [], [], PATIENCE)[0]
            data = output.read(65536) if ready else b""
            if not data:
                self.__exit__()
                raise RuntimeError(self.log.decode(errors="replace"))
            self.log += data
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        try:
            self.log += self._process.communicate(timeout=PATIENCE)[0]
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.communicate()
            raise
        finally:
            shutil.rmtree(self.directory)

    def listed(self, sender: str, recipient: str) -> set[str]:
        """Which of the two, `from` and `to`, it finds in its maps, by a message's envelope and header."""
        message = f"From: <{sender}>\r\nTo: <{recipient}>\r\nSubject: x\r\n\r\nhello\r\n"
        connection = Connection(self.directory / "socket")
        try:
            connection.request("POST", "/checkv2", message, {"From": sender, "Rcpt": recipient})
            symbols = json.load(connection.getresponse())["symbols"]
        finally:
            connection.close()
        return {side for side in ("from", "to") if f"LISTED_{side.upper()}" in symbols}
