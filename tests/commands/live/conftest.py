"""An execution that was accepted, which nothing runs."""

import time
import uuid

import pytest

from commands.attempt import Accepted, Attempt
from commands.rulebook.snapshot import VerbEntry


@pytest.fixture
def accepted() -> Accepted:
    limits = {"time_limit": 1, "idle_limit": 1, "output_limit": 1, "input_limit": 1}
    flags = {"changes_mail": False, "send_stderr": False}
    verb = VerbEntry(1, "v", "", "one-shot", "program", ("/bin/true",), {}, signatures=(), **limits, **flags)
    attempt = Attempt(7, "ann", "v", (), "imap")
    return Accepted(uuid.uuid4(), attempt, verb, (), revision=1, started=time.monotonic())
