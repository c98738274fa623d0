"""The form of a verb: fields of its kind alone, and JSON whose errors say where the text stops being JSON."""

import json
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextareaWidget, UnfoldAdminTextInputWidget

from commands import plugins
from commands.admin.bytesize import ByteSizeField
from commands.kinds import KINDS, foreign_fields
from commands.models import Verb
from commands.validators import validate_argv, validate_no_interpreter, validate_program_file

JSON_FIELDS = ("argv", "environment", "redactions")
SIZES = ("output_limit", "input_limit")
CODE = {"rows": 3, "class": "code", "spellcheck": "false"}


class ReadableJSONField(forms.JSONField):
    def to_python(self, value: Any) -> Any:
        try:
            return super().to_python(value)
        except ValidationError as error:
            raise ValidationError(_explain(value), code="invalid") from error

    def prepare_value(self, value: Any) -> Any:
        return "" if value is None else super().prepare_value(value)  # the stock field offers "null" to edit


def plugin_choices() -> list[tuple[str, str]]:
    return [("", "---------"), *((name, name) for name in plugins.names())]


class VerbForm(forms.ModelForm):
    may_name_interpreter = False
    """Whether who saves may let a verb run a shell: of the page, which makes a class of its own for each request."""

    plugin = forms.ChoiceField(
        choices=plugin_choices,
        required=False,
        widget=UnfoldAdminSelectWidget,
        help_text="Those that are installed here: bundled ones, other packages' and those of Django apps.",
    )

    class Meta:
        field_classes = {**dict.fromkeys(JSON_FIELDS, ReadableJSONField), **dict.fromkeys(SIZES, ByteSizeField)}
        widgets = {name: UnfoldAdminTextareaWidget(CODE) for name in JSON_FIELDS} | {
            name: UnfoldAdminTextInputWidget({"autocomplete": "off"}) for name in SIZES
        }

        help_texts = {
            "output_limit": "Of output: 1000 bytes, 64 KiB, 1 MiB.",
            "input_limit": "Of input to a dialogue, likewise.",
        }

    def clean_argv(self) -> Any:
        return self.cleaned_data["argv"] or []

    def clean_environment(self) -> Any:
        # A field left empty means no variables; the column would keep a JSON null, which is no object.
        return self.cleaned_data["environment"] or {}

    def clean_redactions(self) -> Any:
        return self.cleaned_data["redactions"] or []

    def clean(self) -> dict[str, Any] | None:
        """What another kind has is not on the page, so it is not kept, nor is anybody told of faults in it."""
        cleaned = super().clean()
        kind = self.cleaned_data.get("kind")
        if kind in KINDS:
            for name in foreign_fields(kind):
                self.errors.pop(name, None)
                self.cleaned_data[name] = getattr(Verb(), name)
        if kind == "program" and self.cleaned_data.get("argv"):
            self._check_program(self.cleaned_data["argv"])
        return cleaned

    def _update_errors(self, errors: ValidationError) -> None:
        """Of a field that was refused nothing is in the instance, and that the model misses it is no news."""
        for name in set(getattr(errors, "error_dict", ())) & set(self.errors):
            del errors.error_dict[name]
        super()._update_errors(errors)  # type: ignore[misc]  # of Django's, though not of its stubs

    def _check_program(self, argv: Any) -> None:
        """A verb that has its shell already keeps it as it is: all that comes after the shell's name is its program."""
        try:
            validate_argv(argv)
        except ValidationError:
            return  # the model says so
        is_as_it_was = argv == self.initial.get("argv")
        try:
            if not (self.may_name_interpreter or is_as_it_was):
                validate_no_interpreter(argv[0])
            # What can't be run any more must not keep anybody from turning the verb off.
            if self.cleaned_data.get("enabled") or not is_as_it_was:
                validate_program_file(argv[0])
        except ValidationError as error:
            self.add_error("argv", error)


def _explain(text: str) -> str:
    try:
        json.loads(text)
    except json.JSONDecodeError as error:
        return f"Not JSON at line {error.lineno}, column {error.colno}: {error.msg}. Strings take double quotes."
    return "Not JSON."
