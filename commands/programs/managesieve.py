# pathlib and ssl would cost more than all else that a program of this size does at its start.
# ruff: noqa: PTH117
"""A ManageSieve client (RFC 5804), as much of one as programs need that log in as a master user.

Of the libraries there are, sievelib 1.6 and managesieve 0.8.1 know no Unix sockets, no certificate authority of one's
own and no deadline for the whole; sievelib joins a script's lines anew and reads names with quotes wrongly,
managesieve sends them unescaped, by a single send(), and logs in without TLS where the server has none.
"""

import base64
import os
import socket
import time
from collections.abc import Collection

from commands.programs.managesieve_reader import ProtocolError, Reader, Response

PORT = 4190
QUOTED_LENGTH = 1024  # RFC 5804 section 4: longer strings go as literals


class ServerAwayError(Exception):
    """The server can't be reached, is not trusted, or talks no ManageSieve; the text says which."""


class ServerSlowError(ServerAwayError):
    """It did not answer in time."""


class LoginRefusedError(Exception):
    """It takes no master user of this name and password, or no such user."""


class ServerRefusedError(Exception):
    """It answered NO. `code` is the response code (QUOTA/MAXSIZE, NONEXISTENT, …) or empty; the text its own."""

    def __init__(self, response: Response) -> None:
        super().__init__(response.text or "the server gives no reason")
        self.code = response.code.upper()


class ManageSieve:
    """A context manager: connect, `log_in`, use. All raise the errors above; `seconds` are for everything together."""

    def __init__(self, server: str, *, tls: str, ca: str | None = None, seconds: float) -> None:
        """`server` is HOST, HOST:PORT, [IPV6]:PORT or unix:/PATH; `tls` starttls, tls or off; `ca` a PEM file.

        Raises ValueError for a server or a file of authorities that make no sense.
        """
        self._deadline = time.monotonic() + seconds
        self._host, port = _parse_server(server)
        self._socket = self._connect(server, port)
        try:
            self._start(tls, ca)
        except BaseException:
            self._socket.close()
            raise

    def _connect(self, server: str, port: int) -> socket.socket:
        try:
            if port:
                return socket.create_connection((self._host, port), timeout=self._left())
            connection = socket.socket(socket.AF_UNIX)
            connection.settimeout(self._left())
            # A socket's path is limited to 107 bytes, one through a link need not be.
            connection.connect(os.path.realpath(self._host))
        except TimeoutError:
            raise ServerSlowError(f"{server} takes no connection") from None
        except OSError as error:
            raise ServerAwayError(f"{server} can't be reached: {error.strerror or error}") from None
        return connection

    def _start(self, tls: str, ca: str | None) -> None:
        self._reader = Reader(self._receive)
        if tls == "tls":
            self._encrypt(ca)
        self._learn(self._read())
        if tls == "starttls":
            if "STARTTLS" not in self._capabilities:
                raise ServerAwayError("the server offers no STARTTLS")
            self._run("STARTTLS")
            # RFC 5804 section 2.2: what came before TLS may be an attacker's.
            if self._reader.pending:
                raise ServerAwayError("the server sent plain text after STARTTLS")
            self._encrypt(ca)
            self._learn(self._read())

    def _encrypt(self, ca: str | None) -> None:
        import ssl

        try:
            context = ssl.create_default_context(cafile=ca)
        except OSError as error:
            raise ValueError(f"the certificate authorities of {ca} can't be read: {error.strerror}") from None
        self._socket.settimeout(self._left())
        try:
            self._socket = context.wrap_socket(self._socket, server_hostname=self._host)
        except TimeoutError:
            raise ServerSlowError("the server does not finish the TLS handshake") from None
        except OSError as error:  # ssl.SSLError is one
            raise ServerAwayError(f"no TLS with the server: {error}") from None

    def log_in(self, master: str, password: bytes, user: str) -> None:
        """As `user`, by the master user's password: the authorization identity of SASL PLAIN (RFC 4616)."""
        if "PLAIN" not in self._capabilities.get("SASL", "").upper().split():
            raise LoginRefusedError("the server takes no passwords on this connection (no SASL PLAIN)")
        message = user.encode(errors="surrogateescape") + b"\0" + master.encode() + b"\0" + password
        try:
            self._run("AUTHENTICATE", "PLAIN", base64.b64encode(message).decode())
        except ServerRefusedError as error:
            # RFC 5804 section 1.3: the reason may be no fault of the password's.
            if error.code == "TRYLATER":
                raise ServerAwayError(f"no login for now: {error}") from None
            raise LoginRefusedError(str(error)) from None
        self._learn(self._run("CAPABILITY"))  # the user's own extensions and limits

    def __enter__(self) -> "ManageSieve":
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    @property
    def extensions(self) -> Collection[str]:
        """Of Sieve, by the names that `require` takes."""
        return self._capabilities.get("SIEVE", "").split()

    @property
    def max_redirects(self) -> int | None:
        """In one delivery; None if the server does not say."""
        text = self._capabilities.get("MAXREDIRECTS", "")
        return int(text) if text.isdecimal() else None

    def list_scripts(self) -> tuple[list[str], str | None]:
        """All names, and that of the active one."""
        lines = self._run("LISTSCRIPTS").lines
        active = [name for name, *rest in lines if [word.upper() for word in rest] == ["ACTIVE"]]
        return [name for name, *_ in lines], active[0] if active else None

    def get_script(self, name: str) -> str:
        """Octets that are no UTF-8 are surrogates (PEP 383)."""
        lines = self._run("GETSCRIPT", name).lines
        if len(lines) != 1:
            raise ServerAwayError("the server gave no script")
        return lines[0][0]

    def put_script(self, name: str, text: str) -> None:
        """Make it, or put it in the place of the one of this name."""
        self._run("PUTSCRIPT", name, text)

    def set_active(self, name: str) -> None:
        """An empty name: no script is active."""
        self._run("SETACTIVE", name)

    def delete_script(self, name: str) -> None:
        self._run("DELETESCRIPT", name)

    def rename_script(self, name: str, new: str) -> None:
        self._run("RENAMESCRIPT", name, new)

    def _run(self, command: str, *arguments: str) -> Response:
        data = b" ".join([command.encode(), *map(_string, arguments)]) + b"\r\n"
        self._socket.settimeout(self._left())
        try:
            self._socket.sendall(data)
        except TimeoutError:
            raise ServerSlowError("the server takes no more") from None
        except OSError as error:
            raise ServerAwayError(f"the connection broke: {error.strerror or error}") from None
        response = self._read()
        if response.status == "NO":
            raise ServerRefusedError(response)
        return response

    def _read(self) -> Response:
        try:
            response = self._reader.read_response()
        except ProtocolError as error:
            raise ServerAwayError(f"the server talks no ManageSieve: {error}") from None
        except EOFError:
            raise ServerAwayError("the server closed the connection") from None
        if response.status == "BYE":
            raise ServerAwayError(f"the server said BYE: {response.text}")
        return response

    def _receive(self) -> bytes:
        self._socket.settimeout(self._left())
        try:
            return self._socket.recv(65536)
        except TimeoutError:
            raise ServerSlowError("the server does not answer") from None
        except OSError as error:
            raise ServerAwayError(f"the connection broke: {error.strerror or error}") from None

    def _learn(self, response: Response) -> None:
        if response.status == "NO":
            raise ServerAwayError(f"the server does not want to talk: {response.text}")
        self._capabilities = {name.upper(): " ".join(rest) for name, *rest in response.lines}

    def _left(self) -> float:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise ServerSlowError("the server does not answer")
        return left


def _string(text: str) -> bytes:
    data = text.encode(errors="surrogateescape")
    if len(data) <= QUOTED_LENGTH and not any(octet in data for octet in b"\r\n\0"):
        return b'"' + data.replace(b"\\", b"\\\\").replace(b'"', b'\\"') + b'"'
    return b"{%d+}\r\n%b" % (len(data), data)


def _parse_server(server: str) -> tuple[str, int]:
    """Host and port, or a path and 0."""
    if server.startswith("unix:"):
        path = server.removeprefix("unix:")
        if not os.path.isabs(path):
            raise ValueError(f"{server}: the path of a socket begins with '/'")
        return path, 0
    host, colon, port = server.rpartition(":")
    if not colon or server.endswith("]"):
        host, port = server, str(PORT)
    if not port.isdecimal() or not 0 < int(port) < 65536 or not host:
        raise ValueError(f"{server} is no HOST, HOST:PORT or unix:/PATH")
    return host.removeprefix("[").removesuffix("]"), int(port)
