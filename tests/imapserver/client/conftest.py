"""A verb of these tests' own."""

import pytest

from tests.support import verbs
from tests.support.server import Server


@pytest.fixture(scope="session")
def stuck(server: Server) -> str:
    """One that takes a message, and never reads it."""
    name = "stuck"
    verbs.add(server, verbs.TestVerb(name, verbs.program("never-reads"), takes_input=True, input_limit=2**30))
    return name
