"""What may stand in the map. All match whole values: `re.match` with `$` lets a trailing newline through."""

import re
from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import Any

from django.core.exceptions import ValidationError

from commands import plugins
from commands.address import parse_address
from commands.arguments.signature import PLACEHOLDER, Signature, ambiguous_in_argv, secret_in_argv, unknown_in_argv
from commands.audit_text import visible
from commands.expression import compiled
from commands.interpreters import interpreter
from commands.programfile import UnsafeProgramError, check_program

VERB_NAME = re.compile(r"[a-z][a-z0-9._-]{0,63}")
ACTION_VERB_NAME = re.compile(r"[A-Z][A-Z0-9-]{0,31}")
ENVIRONMENT_NAME = re.compile(r"[A-Z][A-Z0-9_]*")

# The registry of IMAP commands, with those of extensions: an action verb must not hide one from the engine.
IMAP_COMMANDS = frozenset(
    """
    APPEND AUTHENTICATE CANCEL CANCELUPDATE CAPABILITY CHECK CLOSE COMPARATOR COMPRESS CONVERSIONS CONVERT
    COPY CREATE DELETE DELETEACL ENABLE ESEARCH EXAMINE EXECUTE EXPUNGE FEED FETCH GENURLAUTH GETACL
    GETJMAPACCESS GETMETADATA GETQUOTA GETQUOTAROOT ID IDLE JMAPACCESS LANGUAGE LIST LISTRIGHTS LOGIN LOGOUT
    LSUB MOVE MYRIGHTS NAMESPACE NOOP NOTIFY RENAME REPLACE RESETKEY RLIST RLSUB SEARCH SELECT SETACL
    SETMETADATA SETQUOTA SORT STARTTLS STATUS STORE SUBSCRIBE THREAD UID UIDBATCHES UNAUTHENTICATE UNSELECT
    UNSUBSCRIBE URLFETCH XEXEC XLIST
    """.split()  # noqa: SIM905 - seventy lines of one name each would be worse to read
)

# Variables that change how a program or its interpreter starts (ld.so(8), bash(1), httpoxy).
FORBIDDEN_VARIABLES = re.compile(
    r"LD_.*|DYLD_.*|PYTHON.*|PERL.*|RUBY.*|NODE_.*|JAVA_TOOL_OPTIONS|BASH.*|SHELLOPTS|ENV|ZDOTDIR|IFS|PS4|PATH|HOME"
    r"|GLIBC_.*|GCONV_PATH|LOCPATH|NLSPATH|MALLOC_.*|HTTP_PROXY"
    r"|IMAPX_(USER|VERB|EXECUTION|TAG|MAILBOX|REMOTE_ADDR|TLS)"
)

# Programs that run the first argument that is no option as a script, or as a script's path.
INTERPRETER = re.compile(r"(a|ba|c|da|fi|k|mk|tc|z)?sh|(perl|python|ruby|node|nodejs|php|lua)[0-9.]*")


def validate_verb_name(value: str) -> None:
    if not VERB_NAME.fullmatch(value):
        raise ValidationError(
            "A verb's name is 1 to 64 of: lower-case letters, digits, '.', '_', '-'; the first is a letter.",
            code="verb_name",
        )


def validate_action_verb_name(value: str) -> None:
    if not ACTION_VERB_NAME.fullmatch(value):
        raise ValidationError("Use 1 to 32 capital letters, digits and '-', the first a letter.", code="action_verb")
    if value in IMAP_COMMANDS:
        raise ValidationError("%(name)s is an IMAP command.", code="imap_command", params={"name": value})


def validate_argv(value: Any) -> None:
    if not isinstance(value, list) or not value or not all(isinstance(element, str) for element in value):
        raise ValidationError("Give a JSON list of strings, the program's path first.", code="argv")
    if not value[0].startswith("/"):
        raise ValidationError("The program's path must be absolute.", code="argv_relative")
    if any(not is_text(element) for element in value):
        raise ValidationError("An argument can't hold a NUL or half a surrogate pair.", code="argv_bytes")
    if PLACEHOLDER.fullmatch(_script(value)):
        raise ValidationError("What a client writes can't be the script of an interpreter.", code="argv_script")


def validate_program_file(path: str) -> None:
    """Refuse what would not be started here. Not for the model: a map may be made on another machine than it is for."""
    try:
        check_program(path)
    except UnsafeProgramError as error:
        raise ValidationError(visible(str(error)), code="argv_file") from error


def validate_no_interpreter(path: str) -> None:
    """Refuse what runs whatever its arguments say. For who has not the right `commands.shell_verb`."""
    if name := interpreter(path):
        raise ValidationError(
            "%(name)s runs whatever its arguments say: to name it here takes the right to let a verb run a shell or an "
            "interpreter. A script that begins with #! can be named without it.",
            code="argv_interpreter",
            params={"name": visible(name)},
        )


def validate_environment(value: Any) -> None:
    if not isinstance(value, dict) or not all(isinstance(text, str) for text in value.values()):
        raise ValidationError("Give a JSON object of strings.", code="environment")
    for name, text in value.items():
        if not ENVIRONMENT_NAME.fullmatch(name):
            raise ValidationError("%(name)r is no name: capital letters, digits, '_'.", params={"name": name})
        if FORBIDDEN_VARIABLES.fullmatch(name):
            raise ValidationError("%(name)s can't be set here.", params={"name": name})
        if not is_text(text):
            raise ValidationError("%(name)s holds a NUL or half a surrogate pair.", params={"name": name})


def validate_address(value: str) -> None:
    try:
        parse_address(value)
    except ValueError as error:
        raise ValidationError(str(error), code="address") from error


def validate_plugin(value: str) -> None:
    known = plugins.names()
    if value not in known:
        raise ValidationError(
            "No plugin of this name is installed here. There are: %(known)s.",
            code="plugin",
            params={"known": ", ".join(known) or "none"},
        )


def validate_signatures(kind: str, argv: Sequence[str], signatures: Sequence[Signature]) -> None:
    """Refuse signatures that don't go with each other, or with what runs."""
    faults = [signature.fault for signature in signatures]
    if kind == "program":
        faults += [check(argv, signatures) for check in (secret_in_argv, unknown_in_argv, ambiguous_in_argv)]
    if kind == "plugin" and any(signature.repeated_names for signature in signatures):
        faults.append("A plugin gets its arguments by name: two parameters of a signature can't have the same.")
    if kind == "socket" and any(signature.parameters for signature in signatures):
        faults.append("A socket gets no arguments, so its verb can't take any.")
    if faults := [fault for fault in faults if fault]:
        raise ValidationError(faults, code="signatures")


def validate_redactions(value: Any) -> None:
    if not isinstance(value, list) or not all(isinstance(each, str) and each for each in value):
        raise ValidationError("Give a JSON list of regular expressions.", code="redactions")
    for each in value:
        validate_expression(each)


def validate_expression(value: str) -> None:
    if not is_text(value):
        raise ValidationError("%(value)r holds a NUL or half a surrogate pair.", params={"value": value})
    if compiled(value) is None:
        raise ValidationError(
            "%(value)r is no regular expression of RE2's (it has no look-around and no back references).",
            code="expression",
            params={"value": value},
        )


def is_text(value: str) -> bool:
    """Whether exec(3) and a database can be given it: JSON may spell both NUL and lone surrogates."""
    return not re.search("[\0\ud800-\udfff]", value)


def _script(argv: list[str]) -> str:
    """What the interpreter at the head of this template would run; empty if there is no interpreter."""
    rest = list(argv)
    if PurePosixPath(rest[0]).name == "env":
        rest = rest[1:]
        while rest and (rest[0].startswith("-") or "=" in rest[0]):
            rest = rest[1:]
    if not rest or not INTERPRETER.fullmatch(PurePosixPath(rest[0]).name):
        return ""
    return next((element for element in rest[1:] if not element.startswith("-")), "")
