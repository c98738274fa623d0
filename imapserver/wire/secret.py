"""A value that must not be printed."""

from typing import Final


class Secret:
    """Wraps a password: logs, tracebacks and debuggers show `Secret(…)`. `reveal()` at the one place of use."""

    __slots__ = ("_value",)

    def __init__(self, value: bytes) -> None:
        self._value: Final = value

    def __repr__(self) -> str:
        return "Secret(…)"

    def __bool__(self) -> bool:
        return bool(self._value)

    def reveal(self) -> bytes:
        return self._value
