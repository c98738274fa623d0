"""What is wrong with a file: all of it at once, each with its place."""

from collections.abc import Iterable
from dataclasses import dataclass

from django.core.exceptions import NON_FIELD_ERRORS, ValidationError


@dataclass(frozen=True, slots=True)
class Problem:
    where: str  # `verb "calendar" (line 12), time_limit`; empty: the file
    text: str

    def __str__(self) -> str:
        return f"{self.where}: {self.text}" if self.where else self.text


class MapFileError(ValueError):
    """The file can't be loaded. Its text is for people, a line for each problem."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = list(problems)
        super().__init__("\n".join(map(str, self.problems)))


def problems_of(where: str, error: ValidationError) -> list[Problem]:
    """What Django's validation says, field by field."""
    if not hasattr(error, "error_dict"):
        return [Problem(where, message) for message in error.messages]
    return [
        Problem(", ".join(filter(None, (where, "" if name == NON_FIELD_ERRORS else name))), message)
        for name, messages in error.message_dict.items()
        for message in messages
    ]
