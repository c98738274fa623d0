"""A message as the input of an execution: one that a door has fetched, where the arguments name some by UID."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import IO


@dataclass(frozen=True, slots=True)
class Message:
    """`content` is read from its beginning, until the next message is asked for."""

    uid: int
    size: int
    content: IO[bytes]


Messages = Callable[[tuple[int, ...], int], AsyncIterator[Message]]
"""Fetches messages of the selected mailbox, one after the other, without those that are not there. The number: octets
of the largest that is wanted; a larger one has no content. ConnectionError or TimeoutError: it can't be had."""
