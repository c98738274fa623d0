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


def parse_execute(command: CommandReceived) -> Execute:
    """execute = "EXECUTE" [SP form] SP verb *(SP argument)."""
    scanner = Scanner(command.fragments)
    if scanner.at_end():
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
    return Execute(form, _verb(word), _arguments(scanner))


def parse_action(command: CommandReceived) -> Execute:
    """action = action-verb SP verb *(SP argument): the action becomes the first argument."""
    scanner = Scanner(command.fragments)
    scanner.space()
    verb = _verb(scanner.astring())
    return Execute(None, verb, (command.name.lower(), *_arguments(scanner)))


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
