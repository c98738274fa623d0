"""The ManageSieve client against servers that say anything, and against Pigeonhole."""

import base64
import ssl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from commands.programs.managesieve import (
    LoginRefusedError,
    ManageSieve,
    ServerAwayError,
    ServerRefusedError,
    ServerSlowError,
)
from commands.programs.managesieve_reader import MAX_LINE, MAX_RESPONSE, ProtocolError, Reader
from tests.support.certificates import make, server_context
from tests.support.engine import ScriptedEngine

READY = b'"IMPLEMENTATION" "x"\r\n"SASL" "PLAIN"\r\n"SIEVE" "include copy"\r\n"STARTTLS"\r\nOK\r\n'
LOGGED_IN = b'OK "in"\r\n"SIEVE" "include copy"\r\n"MAXREDIRECTS" "3"\r\nOK\r\n'


def read(data: bytes, size: int = 1 << 20):
    pieces = iter([data[at : at + size] for at in range(0, len(data), size)])
    return Reader(lambda: next(pieces, b"")).read_response()


def talk(*answers: bytes):
    """A server that says READY, and after each command the next of these, literals of the client's as lines."""

    def script(peer):
        peer.say(READY)
        for answer in answers:
            peer.hear()
            peer.say(answer)
        peer.hear_all()

    return ScriptedEngine(script)


def connect(server, tls="off", seconds=10, **kwargs) -> ManageSieve:
    return ManageSieve(f"localhost:{server.address[1]}", tls=tls, seconds=seconds, **kwargs)


@pytest.mark.parametrize("size", [1, 7, 1 << 20])
def test_responses_are_read_whatever_the_pieces(size):
    data = b'"a\\"b\\\\" ACTIVE\r\n{4}\r\nO\r\nK\r\n{0+}\r\n "x"\r\nNO (QUOTA/MAXSIZE) {6}\r\nfull\r\n\r\n'
    response = read(data, size)
    assert response.lines == [['a"b\\', "ACTIVE"], ["O\r\nK"], ["", "x"]]
    assert (response.status, response.code, response.text) == ("NO", "QUOTA/MAXSIZE", "full\r\n")


def test_response_code_may_hold_strings_and_parentheses():
    response = read(b'OK (TAG "a) \\"b" {3}\r\nx)y) "text"\r\n')
    assert (response.status, response.code, response.text) == ("OK", "TAG", "text")


@given(st.lists(st.binary(max_size=40), min_size=1, max_size=5), st.integers(1, 50))
def test_any_octets_come_through_a_literal(octets, size):
    data = b"".join(b"{%d}\r\n%b\r\n" % (len(each), each) for each in octets) + b"OK\r\n"
    lines = read(data, size).lines
    assert [line[0].encode(errors="surrogateescape") for line in lines] == octets


@given(st.binary(max_size=200))
def test_anything_else_is_an_error_that_is_named(data):
    try:
        read(data)
    except (ProtocolError, EOFError):
        pass


@pytest.mark.parametrize(
    "data",
    [b"x" * (MAX_LINE + 2), b"{%d}\r\n" % (MAX_RESPONSE + 1), b"{9999999999}\r\n", b'"%b"\r\n' % (b"x" * 999) * 5000],
)
def test_answer_without_an_end_is_no_answer(data):
    with pytest.raises(ProtocolError):
        read(data)


def test_literal_is_read_no_further_than_its_length_and_quoted_strings_have_one_line():
    assert read(b'{2}\r\nab "c"\r\nOK\r\n').lines == [["ab", "c"]]
    with pytest.raises(ProtocolError):
        read(b'"a\r\nb"\r\nOK\r\n')


def test_login_is_sasl_plain_with_the_user_as_authorization_identity():
    with talk(LOGGED_IN, b"") as server:
        with connect(server) as client:
            client.log_in("boss", b"s3cret", "ann")
        assert (client.max_redirects, client.extensions) == (3, ["include", "copy"])
    message = base64.b64encode(b"ann\0boss\0s3cret")
    assert server.said.startswith(b'AUTHENTICATE "PLAIN" "%b"\r\n' % message)


def test_login_of_more_than_a_quoted_string_holds_is_a_literal():
    with talk(b"", LOGGED_IN) as server, connect(server) as client:
        client.log_in("boss", b"x" * 1000, "ann")
    assert b'AUTHENTICATE "PLAIN" {1348+}\r\n' in server.said


@pytest.mark.parametrize(("answer", "error"), [
    (b'NO "wrong"\r\n', LoginRefusedError),
    (b'NO (TRYLATER) "later"\r\n', ServerAwayError),
    (b'BYE "enough"\r\n', ServerAwayError),
    (b"* OK IMAP4rev1\r\n", ServerAwayError),
    (b"+ go on\r\n", ServerAwayError),
])  # fmt: skip
def test_login_that_fails_says_whose_fault_it_is(answer, error):
    with talk(answer) as server, connect(server) as client, pytest.raises(error) as caught:
        client.log_in("boss", b"s3cret", "ann")
    assert type(caught.value) is error
    assert "s3cret" not in str(caught.value)


def test_server_that_takes_no_passwords_is_told_none():
    def script(peer):
        peer.say(READY.replace(b"PLAIN", b""))
        peer.hear_all()

    refused = pytest.raises(LoginRefusedError, match="no SASL PLAIN")
    with ScriptedEngine(script) as server, connect(server) as client, refused:
        client.log_in("boss", b"s3cret", "ann")
    assert server.said == b""


@pytest.mark.parametrize(
    "greeting", [READY.replace(b'"STARTTLS"\r\n', b""), b'BYE "full"\r\n', b'NO "no"\r\n', b"* OK\r\n", b"{"]
)
def test_server_without_starttls_is_told_nothing(greeting):
    def script(peer):
        peer.say(greeting)

    with ScriptedEngine(script) as server, pytest.raises(ServerAwayError):
        connect(server, "starttls")
    assert server.said == b""


def test_plain_text_after_starttls_is_an_attack():
    attack = talk(b'OK "begin"\r\n"SASL" "PLAIN"\r\nOK\r\n')
    with attack as server, pytest.raises(ServerAwayError, match="plain text after STARTTLS"):
        connect(server, "starttls")
    assert server.said == b"STARTTLS\r\n"


@pytest.mark.parametrize("kind", [{"name": "other.example"}, {"age": 40}, {}])
def test_certificate_of_another_name_or_age_or_origin_ends_it(tmp_path, kind):
    certificate = make(tmp_path, **kind)
    other = make(tmp_path)

    def script(peer):
        peer.say(READY)
        peer.hear_all()

    encrypted = ScriptedEngine(script, tls=server_context(certificate))
    with encrypted as server, pytest.raises(ServerAwayError, match="certificate verify failed"):
        connect(server, "tls", ca=str(certificate if kind else other))
    assert server.said == b""


def test_old_tls_is_refused(tmp_path):
    certificate = make(tmp_path)
    context = server_context(certificate, ssl.TLSVersion.TLSv1_1)
    with ScriptedEngine(lambda peer: peer.say(READY), tls=context) as server, pytest.raises(ServerAwayError):
        connect(server, "tls", ca=str(certificate))


def test_deadline_is_for_all_answers_together():
    def script(peer):
        peer.say(READY)
        while True:  # a line a quarter of a second, without an end
            peer.connection.settimeout(0.25)
            try:
                peer.hear()
            except TimeoutError:
                peer.say(b'"more"\r\n')

    with ScriptedEngine(script) as server, connect(server, seconds=1) as client, pytest.raises(ServerSlowError):
        client.list_scripts()


def test_no_carries_code_and_text():
    with talk(b'NO (QUOTA/MAXSCRIPTS) "enough of them"\r\n') as server:
        with connect(server) as client, pytest.raises(ServerRefusedError, match="enough of them") as caught:
            client.delete_script("x")
        assert caught.value.code == "QUOTA/MAXSCRIPTS"


SCRIPTS = ["", "keep;", "# ünïcode \U0001f600\n", '/*\r\n"x" \\ {3}\r\nOK\r\n*/', "#" * 3000, "\r\n\r\n"]


@pytest.mark.parametrize("script", SCRIPTS)
def test_scripts_come_back_from_pigeonhole_octet_by_octet(user, script):
    user.write("a", script, active=False)
    assert user.scripts() == ({"a": script}, None)


def test_script_that_pigeonhole_does_not_take_comes_with_its_words(user):
    with pytest.raises(ServerRefusedError, match="unknown command 'nonsense'"):
        user.write("a", "nonsense;")
