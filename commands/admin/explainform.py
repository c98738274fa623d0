"""The form of a question to the gate. It is sent by GET, so that an answer can be linked."""

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django import forms
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextareaWidget, UnfoldAdminTextInputWidget

from commands.audit_text import Redacted, decode_arguments
from commands.explaining.explanation import PLACEHOLDER, Question
from commands.models import AuditEvent
from commands.rulebook.canonical import YEARS

TLS, NO_TLS = "yes", "no"

_ESCAPE = re.compile(r"\\(x[0-9A-Fa-f]{2}|n|\\)")


def _input(**attributes: str) -> forms.Widget:
    return UnfoldAdminTextInputWidget(attrs={"autocomplete": "off", "spellcheck": "false", **attributes})


class ExplainForm(forms.Form):
    user = forms.CharField(max_length=150, widget=_input(placeholder="ann"))
    verb = forms.CharField(max_length=64, widget=_input(placeholder="calendar", list="verbs"))
    args = forms.CharField(
        label="Arguments",
        required=False,
        strip=False,
        max_length=20_000,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 4, "spellcheck": "false"}),
        help_text=(
            "One a line. Write - for a secret one: this goes into the page's address, which logs keep. "
            r"A backslash is \\, a line end \n, any byte \xNN."
        ),
    )
    address = forms.GenericIPAddressField(required=False, widget=_input(placeholder="192.0.2.7"))
    tls = forms.ChoiceField(
        label="Connection",
        required=False,
        choices=[(TLS, "with TLS"), (NO_TLS, "without TLS")],
        widget=UnfoldAdminSelectWidget,
    )
    mailbox = forms.CharField(required=False, max_length=400, widget=_input(placeholder="none selected"))
    at = forms.DateTimeField(
        label="Time", required=False, widget=_input(type="datetime-local"), help_text="Empty: now."
    )

    def clean_at(self) -> datetime | None:
        at: datetime | None = self.cleaned_data["at"]
        if at is not None and at.year not in YEARS:
            raise forms.ValidationError("This is too far away.")
        return at

    def question(self) -> Question:
        """Of a valid form."""
        said = self.cleaned_data
        return Question(
            user=said["user"],
            verb=said["verb"].lower(),
            arguments=to_arguments(said["args"]),
            remote_addr=said["address"] or None,
            tls=said["tls"] != NO_TLS,
            mailbox=said["mailbox"],
            at=said["at"],
        )


def data_from_event(event: AuditEvent) -> dict[str, Any]:
    """What fills the form as it was then; in place of a secret stands what stands for any."""
    try:
        arguments = [PLACEHOLDER if isinstance(each, Redacted) else each for each in decode_arguments(event.arguments)]
    except ValueError:  # it was tampered with: the page that verifies it says so
        arguments = []
    return {
        "user": event.actor,
        "verb": event.verb,
        "args": from_arguments(arguments),
        "address": event.remote_addr or "",
        "tls": TLS if event.tls else NO_TLS,
    }


def to_arguments(text: str) -> tuple[bytes, ...]:
    """One a line; an empty line is an empty argument, but for the last."""
    lines = text.replace("\r\n", "\n").split("\n")
    if not lines[-1]:
        lines.pop()
    return tuple(_ESCAPE.sub(_meant, line).encode(errors="surrogateescape") for line in lines)


def from_arguments(arguments: Sequence[bytes]) -> str:
    """What `to_arguments` takes apart again, whatever bytes they are."""
    return "".join(f"{_written(argument)}\n" for argument in arguments)


def _meant(found: re.Match[str]) -> str:
    match found[1]:
        case "n":
            return "\n"
        case "\\":
            return "\\"
        case code:
            byte = int(code[1:], 16)
            return chr(byte) if byte < 0x80 else chr(0xDC00 + byte)


def _written(argument: bytes) -> str:
    text = argument.decode(errors="surrogateescape")
    return "".join(map(_written_character, text))


def _written_character(character: str) -> str:
    if character == "\\":
        return "\\\\"
    if character == "\n":
        return "\\n"
    if character.isprintable():
        return character
    return "".join(f"\\x{byte:02x}" for byte in character.encode(errors="surrogateescape"))
