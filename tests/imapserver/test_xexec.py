"""XEXEC, for clients of Dovecot's plugin of 2007; off by default (PROTOCOL section 8)."""

from collections.abc import Iterator

import pytest

from tests.support.conversation import Client
from tests.support.server import Server


@pytest.fixture(scope="module")
def xexec(site: Server) -> Iterator[Server]:
    with site.running("--engine", "none", XEXEC="1"):
        yield site


@pytest.fixture
def old(xexec: Server) -> Iterator[Client]:
    with Client(xexec.imap).log_in() as client:
        yield client


def test_xexec_is_off_by_default(demo: Client) -> None:
    assert "XEXEC" not in demo.command("c CAPABILITY")[0]
    assert demo.command("a XEXEC exits 0")[-1].startswith("a BAD")


def test_xexec_is_among_the_capabilities_where_it_is_on(old: Client) -> None:
    assert "XEXEC" in old.command("c CAPABILITY")[0].split()


def test_output_comes_as_untagged_ok(old: Client) -> None:
    old.play(r"""
        C: a XEXEC prints "one\\ntwo"
        S: * OK one
        S: * OK two
        S: a OK [EXIT 0] prints completed
    """)


def test_standard_error_comes_as_untagged_no(old: Client) -> None:
    lines = old.command("a XEXEC both")
    assert {line[:5] for line in lines[:-1]} == {"* OK ", "* NO "}


def test_enquiry_asks_for_one_line(old: Client) -> None:
    old.play("""
        C: a XEXEC enquires
        S: * OK name?
        S: + OK
        C: Ann
        S: * OK town?
        S: + OK
        C: Ulm
        S: * OK Ann of Ulm
        S: a OK [EXIT 0] enquires completed
    """)


@pytest.mark.parametrize(
    ("printed", "shown"),
    [
        (r"[ALERT] x\n", "* OK  [ALERT] x"),
        (r"x {5}\n", "* OK x {5} "),
        (r"a OK x\r\n", "* OK a OK x"),
        (r"x\ry\n", "* OK x y"),
        (r"\n", "* OK  "),
        (r"\0377\n", "* OK \ufffd"),
    ],
)
def test_output_can_be_taken_for_no_response_of_the_servers(old: Client, printed: str, shown: str) -> None:
    old.send(b"a XEXEC prints {%d+}\r\n%b\r\n" % (len(printed), printed.encode()))
    assert old.until("a ")[0] == shown


def test_policy_is_the_same(old: Client) -> None:
    assert old.command("a XEXEC secret")[-1] == old.command("a EXECUTE secret")[-1]
