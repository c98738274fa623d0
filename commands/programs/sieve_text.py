"""Text of a user's inside a Sieve script (RFC 5228), and scripts that can be told from those that a person wrote."""

import hashlib
import json
import re
from collections.abc import Mapping

# Anything that could be a line's end to some reader, or is no character.
CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")

Settings = Mapping[str, object]


class ChangedByHandError(Exception):
    """The script is not, or no more, as a program wrote it."""


def quote(text: str) -> str:
    """A quoted string (RFC 5228 section 2.4.2) of one line. Raises ValueError for control characters."""
    if CONTROL.search(text):
        raise ValueError("control characters")
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def quote_list(texts: list[str]) -> str:
    return "[" + ", ".join(map(quote, texts)) + "]"


def quote_lines(text: str) -> str:
    """A multi-line string (RFC 5228 section 2.4.2), `text` having LF between its lines; CONTROL holds for each."""
    lines = text.split("\n")
    if any(CONTROL.search(line.replace("\t", "")) for line in lines):
        raise ValueError("control characters")
    stuffed = ["." + line if line.startswith(".") else line for line in lines]
    return "text:\r\n" + "".join(line + "\r\n" for line in stuffed) + ".\r\n"


def seal(name: str, settings: Settings, body: str) -> str:
    """A script that carries the settings it was made from, and a digest by which a change by hand is seen."""
    head = f"# {name} {json.dumps(settings, sort_keys=True)}"  # ASCII on one line: can't end the comment
    return f"{head}\r\n# {_digest(head, body)}\r\n{body}"


def unseal(name: str, script: str) -> Settings:
    """The settings. Raises ChangedByHandError for all that `seal` did not return for this name."""
    try:
        head, digest, body = script.replace("\r\n", "\n").split("\n", 2)
        if digest != f"# {_digest(head, body)}" or not head.startswith(f"# {name} "):
            raise ChangedByHandError(name)
        settings = json.loads(head.removeprefix(f"# {name} "))
    except ValueError:
        raise ChangedByHandError(name) from None
    if not isinstance(settings, dict):
        raise ChangedByHandError(name)
    return settings


def _digest(head: str, body: str) -> str:
    # Editors turn CRLF into LF: that alone changes nothing.
    text = f"{head}\n{body}".replace("\r\n", "\n")
    return hashlib.sha256(text.encode(errors="surrogateescape")).hexdigest()
