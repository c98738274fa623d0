"""The arguments of the commands that IMAPX serves. All functions raise BadSyntax."""

from dataclasses import dataclass

from imapserver.wire.events import CommandReceived
from imapserver.wire.exceptions import BadSyntax
from imapserver.wire.secret import Secret
from imapserver.wire.syntax import Scanner

VERB_LENGTH = 64


@dataclass(frozen=True, slots=True)
class Execute:
    """EXECUTE and the action verbs. `verb` is in lower case and may be anything; None asks for the listing."""

    form: str | None
    verb: str | None
    arguments: tuple[bytes, ...]
    ends_in_literal: bool = False
    """The last argument may be meant as input."""
    offered: int | None = None
    """Octets of input that wait behind the arguments."""


def parse_execute(command: CommandReceived) -> Execute:
    """execute = "EXECUTE" [SP form] SP verb *(SP argument)."""
    scanner = _arguments_scanner(command)
    if scanner.at_end() and command.offered is None:
        return Execute(None, None, ())
    scanner.space()
    form = None
    if scanner.peek() == b"(":
        form = scanner.parenthesized_atom().decode().upper()
        scanner.space()
    word = scanner.astring()
    if form is None and word.startswith(b"(") and word.endswith(b")"):
        # Some libraries quote whatever is no atom.
        form = word[1:-1].decode("ascii", "replace").upper()
        scanner.space()
        word = scanner.astring()
    return _execute(command, form, word, _arguments(scanner))


def parse_xexec(command: CommandReceived) -> Execute:
    """xexec = "XEXEC" SP verb *(SP argument). None of them is large enough to be input."""
    if command.offered is not None:
        raise BadSyntax("an argument is too long")
    scanner = _arguments_scanner(command)
    scanner.space()
    return _execute(command, "XEXEC", scanner.astring(), _arguments(scanner))


def parse_action(command: CommandReceived) -> Execute:
    """action = action-verb SP verb *(SP argument): the action becomes the first argument."""
    scanner = _arguments_scanner(command)
    scanner.space()
    return _execute(command, None, scanner.astring(), (command.name.lower(), *_arguments(scanner)))


def _arguments_scanner(command: CommandReceived) -> Scanner:
    """Of what stands before the input that is offered, if any: a space is between them."""
    if command.offered is None:
        return Scanner(command.fragments)
    *before, last = command.fragments
    if not isinstance(last, bytes) or not last.endswith(b" "):
        raise BadSyntax("a space is missing")
    return Scanner((*before, last[:-1]))


def _execute(command: CommandReceived, form: str | None, word: bytes, arguments: tuple[bytes, ...]) -> Execute:
    # The text behind a literal is a fragment too.
    ends_in_literal = len(command.fragments) > 1 and command.fragments[-1] == b""
    return Execute(form, _verb(word), arguments, ends_in_literal and bool(arguments), command.offered)


def _verb(word: bytes) -> str:
    if len(word) > VERB_LENGTH:
        raise BadSyntax("the verb is too long")
    try:
        return word.decode("ascii").lower()
    except UnicodeDecodeError:
        raise BadSyntax("a verb is ASCII") from None


def _arguments(scanner: Scanner) -> tuple[bytes, ...]:
    arguments = []
    while not scanner.at_end():
        scanner.space()
        arguments.append(scanner.astring(binary_allowed=True))
    return tuple(arguments)


def parse_nothing(command: CommandReceived) -> None:
    """Of a command that takes no arguments."""
    Scanner(command.fragments).end()


def parse_cancel(command: CommandReceived) -> bytes:
    """cancel = "CANCEL" SP tag-string; the tag of the execution (RFC 5267 section 4.3 has the same form)."""
    scanner = Scanner(command.fragments)
    scanner.space()
    tag = scanner.string()
    scanner.end()
    return tag


@dataclass(frozen=True, slots=True)
class Feed:
    """Octets for the execution `tag`; None: its input ends."""

    tag: bytes
    data: bytes | None


def parse_feed(command: CommandReceived) -> Feed:
    """feed = "FEED" SP tag-string SP (literal / literal8 / quoted / "NIL"). NUL may be in either literal."""
    scanner = Scanner(command.fragments)
    scanner.space()
    tag = scanner.string()
    scanner.space()
    if scanner.peek() == b'"':
        data: bytes | None = scanner.quoted()
    elif scanner.peek() == b"":
        data = scanner.literal(binary_allowed=True, nul_allowed=True)
    elif scanner.atom().upper() == b"NIL":
        data = None
    else:
        raise BadSyntax("a literal, a quoted string or NIL is expected")
    scanner.end()
    return Feed(tag, data)


@dataclass(frozen=True, slots=True)
class Login:
    username: bytes
    password: Secret


def parse_login(command: CommandReceived) -> Login:
    """login = "LOGIN" SP userid SP password (RFC 3501 section 6.2.3)."""
    scanner = Scanner(command.fragments)
    scanner.space()
    username = scanner.astring()
    scanner.space()
    password = Secret(scanner.astring())
    scanner.end()
    return Login(username, password)


def parse_authenticate(command: CommandReceived) -> tuple[str, Secret | None]:
    """Mechanism, and the initial response in base64 if there is one (RFC 4959; `=` is an empty one)."""
    scanner = Scanner(command.fragments)
    scanner.space()
    mechanism = scanner.atom().decode().upper()
    if scanner.at_end():
        return mechanism, None
    scanner.space()
    response = scanner.atom()
    scanner.end()
    return mechanism, Secret(b"" if response == b"=" else response)


def parse_select(text: bytes) -> bytes | None:
    """The mailbox of a SELECT or EXAMINE, by what stands behind the command's name; None: it is in a literal."""
    scanner = Scanner((text,))
    try:
        scanner.space()
        return scanner.astring()
    except BadSyntax:
        return None
