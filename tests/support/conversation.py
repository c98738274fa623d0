"""Talking IMAP over a raw socket, and conversation scripts: what each side says, line by line."""

import contextlib
import difflib
import re
import socket
import ssl
import textwrap

PATIENCE = 15
"""Seconds for one answer: far more than any takes, so that only a hang meets it."""

LITERAL = re.compile(rb"~?\{(\d+)\}\r\n\Z")
OUTPUT = re.compile(rb'\* EXECUTE \(TAG "([^"]+)"\) \((STDOUT|STDERR) ~?\{\d+\}\r\n(.*)\)\r\n', re.DOTALL)


class Client:
    """A client that sends what it is told and keeps what it gets."""

    def __init__(
        self, address: tuple[str, int], *, tls: ssl.SSLContext | None = None, source: str = "", header: bytes = b""
    ) -> None:
        """Connect from the address `source`, and send `header` before anything else, TLS too."""
        plain = socket.create_connection(address, PATIENCE, (source, 0) if source else None)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        plain.sendall(header)
        self.socket = tls.wrap_socket(plain, server_hostname=address[0]) if tls else plain
        self._buffer = bytearray()

    def start_tls(self, tls: ssl.SSLContext, name: str = "localhost") -> "Client":
        assert self.command("tls STARTTLS") == ["tls OK begin TLS"]
        return self.encrypt(tls, name)

    def encrypt(self, tls: ssl.SSLContext, name: str = "localhost") -> "Client":
        assert not self._buffer
        self.socket = tls.wrap_socket(self.socket, server_hostname=name)
        return self

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self.socket.close()

    def send(self, data: bytes) -> None:
        """Send octets as they are."""
        self.socket.sendall(data)

    def line(self, text: str) -> None:
        self.send(text.encode() + b"\r\n")

    def read_line(self, end: bytes = b"\r\n") -> bytes:
        """The next line without its end. EOFError once the server has closed."""
        while end not in self._buffer:
            self._receive()
        line = bytes(self._buffer[: self._buffer.index(end)])
        del self._buffer[: len(line) + len(end)]
        return line

    def read_octets(self, size: int) -> bytes:
        while len(self._buffer) < size:
            self._receive()
        data = bytes(self._buffer[:size])
        del self._buffer[:size]
        return data

    def read_to_end(self) -> bytes:
        """All that still comes until the server closes."""
        with contextlib.suppress(EOFError):
            while True:
                self._receive()
        return bytes(self._buffer)

    def _receive(self) -> None:
        try:
            data = self.socket.recv(65536)
        except ConnectionResetError:
            data = b""
        if not data:
            raise EOFError(bytes(self._buffer))
        self._buffer += data

    def until(self, pattern: str) -> list[str]:
        """Read lines up to one that `pattern` (a regular expression) matches at its start; return them all."""
        lines: list[str] = []
        while not lines or not re.match(pattern, lines[-1]):
            try:
                lines.append(self.read_line().decode("utf-8", "backslashreplace"))
            except (EOFError, TimeoutError) as error:
                raise AssertionError(f"{error!r} while waiting for {pattern!r}, after:\n" + "\n".join(lines)) from error
        return lines

    def command(self, text: str) -> list[str]:
        """Send one command and read to its tagged response."""
        self.line(text)
        return self.until(re.escape(text.split(" ", 1)[0]) + " ")

    def response(self) -> bytes:
        """The next response, with its literals, byte for byte."""
        data = self.read_line() + b"\r\n"
        while data.startswith(b"* ") and (literal := LITERAL.search(data)):
            data += self.read_octets(int(literal[1]))
            data += self.read_line() + b"\r\n"
        return data

    def responses(self, tag: str) -> list[bytes]:
        """All responses up to the tagged one."""
        responses: list[bytes] = []
        while not responses or not responses[-1].startswith(tag.encode() + b" "):
            responses.append(self.response())
        return responses

    def execute(self, command: str | bytes) -> tuple[bytes, str]:
        """Send `100 EXECUTE …` of a one-shot verb, without its end; return its standard output and tagged end."""
        data = command if isinstance(command, bytes) else command.encode()
        self.send(data + b"\r\n")
        return self.output(data.split(b" ", 1)[0].decode())

    def output(self, tag: str) -> tuple[bytes, str]:
        """The standard output of the execution with this tag, and its tagged end."""
        *untagged, end = self.responses(tag)
        pieces = [match for match in map(OUTPUT.fullmatch, untagged) if match and match[1] == tag.encode()]
        return b"".join(match[3] for match in pieces if match[2] == b"STDOUT"), end.decode().removesuffix("\r\n")

    def log_in(self, username: str = "demo", password: str | None = None) -> "Client":
        self.until(r"\* OK")
        assert self.command(f"login LOGIN {username} {password or username}")[-1].startswith("login OK")
        return self

    def closed(self) -> bool:
        """Whether the server closes the connection, whatever it says before."""
        try:
            while True:
                self._receive()
                self._buffer.clear()
        except EOFError:
            return True
        except TimeoutError:
            return False

    def play(self, script: str) -> None:
        """Play a conversation. `C: ` lines are sent; `S: ` lines are what comes, `…` standing for any text.

        Within a literal a line may end in LF alone; `⏎` is one that is sent. A failure prints the difference."""
        wanted = [line for line in textwrap.dedent(script).strip().splitlines() if line.strip()]
        had: list[str] = []
        for line in wanted:
            side, _, text = line.partition(": ")
            if side == "C":
                self.line(text.replace("⏎", "\n"))
                had.append(line)
                continue
            try:
                got = self.read_line(b"\n").removesuffix(b"\r").decode("utf-8", "backslashreplace")
            except (EOFError, TimeoutError) as error:
                got = repr(error)
            matches = re.fullmatch(".*".join(map(re.escape, text.split("…"))), got)
            had.append(line if matches else f"S: {got}")
            if not matches:
                shown = difflib.unified_diff(wanted[: len(had)], had, "wanted", "had", lineterm="")
                raise AssertionError("\n".join(shown))
