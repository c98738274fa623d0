"""A number of bytes, as people write it: `1 MiB`, `64 KiB`, `1000`."""

import re
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from unfold.widgets import UnfoldAdminTextInputWidget

UNITS = {"GiB": 2**30, "MiB": 2**20, "KiB": 2**10}

_WRITTEN = re.compile(r"([0-9]{1,18}) *(?:([kmg])(?:i?b)?|b|bytes)?", re.IGNORECASE)


class ByteSizeField(forms.IntegerField):
    """Takes units, and shows the largest one of which it is a whole number. `10 MB` is read as 10 MiB."""

    widget = UnfoldAdminTextInputWidget

    def to_python(self, value: Any) -> int | None:
        if value in self.empty_values:
            return None
        found = _WRITTEN.fullmatch(str(value).strip())
        if found is None:
            raise ValidationError("Give a number of bytes, such as 1000, 64 KiB or 16 MiB.", code="bytes")
        unit = next((size for name, size in UNITS.items() if name[0] == (found[2] or "").upper()), 1)
        return int(found[1]) * unit

    def prepare_value(self, value: Any) -> Any:
        return written(value) if isinstance(value, int) else value

    def has_changed(self, initial: Any, data: Any) -> bool:
        return super().has_changed(initial, data if data is None else str(data))


def written(number: int) -> str:
    for name, size in UNITS.items():
        if number and number % size == 0:
            return f"{number // size} {name}"
    return str(number)
