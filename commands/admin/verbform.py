"""The form of a verb: JSON fields whose errors say where the text stops being JSON."""

import json
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from unfold.widgets import UnfoldAdminTextareaWidget

CODE = {"rows": 3, "style": "font-family: monospace", "spellcheck": "false"}


class ReadableJSONField(forms.JSONField):
    def to_python(self, value: Any) -> Any:
        try:
            return super().to_python(value)
        except ValidationError as error:
            raise ValidationError(_explain(value), code="invalid") from error

    def prepare_value(self, value: Any) -> Any:
        return "" if value is None else super().prepare_value(value)  # the stock field offers "null" to edit


class VerbForm(forms.ModelForm):
    class Meta:
        field_classes = {"argv": ReadableJSONField, "environment": ReadableJSONField}
        widgets = {"argv": UnfoldAdminTextareaWidget(CODE), "environment": UnfoldAdminTextareaWidget(CODE)}

    def clean_environment(self) -> Any:
        # A field left empty means no variables; the column would keep a JSON null, which is no object.
        return self.cleaned_data["environment"] or {}


def _explain(text: str) -> str:
    try:
        json.loads(text)
    except json.JSONDecodeError as error:
        return f"Not JSON at line {error.lineno}, column {error.colno}: {error.msg}. Strings take double quotes."
    return "Not JSON."
