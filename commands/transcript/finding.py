"""Finding an execution by what people type of its id."""

import re
import uuid

from commands.models import Execution


class NotFound(Exception):
    """The text is for people."""


def find_execution(prefix: str) -> Execution:
    """The one whose id begins so. Raises NotFound if there is none, or more than one."""
    digits = prefix.replace("-", "").lower()
    if not re.fullmatch("[0-9a-f]{1,32}", digits):
        raise NotFound(
            f"{prefix!r} is not the beginning of an execution's id, as in 3f2a9c1e: give hexadecimal digits."
        )
    low, high = (uuid.UUID(digits.ljust(32, filling)) for filling in "0f")
    found = list(Execution.objects.filter(pk__gte=low, pk__lte=high).order_by("pk")[:2])
    if not found:
        raise NotFound(f"There is no execution whose id begins with {prefix}.")
    if len(found) > 1:
        raise NotFound(
            f"More than one execution's id begins with {prefix}, as {found[0].pk} and {found[1].pk}: give more of it."
        )
    return found[0]
