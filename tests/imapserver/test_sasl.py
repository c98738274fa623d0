"""SASL mechanisms as a server: the responses that are taken, and those that are not."""

import base64
import time

import pytest

from imapserver.engine.credentials import Credentials, Password, Token
from imapserver.sasl import LoginCanceled, LoginFailed, authenticate
from imapserver.wire.exceptions import BadSyntax
from imapserver.wire.secret import Secret


async def play(mechanism: str, *responses: bytes, initial: bool = False) -> Credentials:
    """Answer the challenges with these responses, the first one with the command."""
    left = [Secret(base64.b64encode(response)) for response in responses]

    async def ask(text: str) -> Secret:
        base64.b64decode(text, validate=True)
        return left.pop(0)

    credentials = await authenticate(mechanism, left.pop(0) if initial else None, ask)
    assert not left
    return credentials


def revealed(credentials: Credentials) -> tuple[str, bytes]:
    secret = credentials.token if isinstance(credentials, Token) else None
    if isinstance(credentials, Password):
        secret = credentials.password
    assert secret is not None
    return credentials.username, secret.reveal()


@pytest.mark.parametrize("initial", [True, False])
@pytest.mark.parametrize(
    ("mechanism", "responses"),
    [
        ("PLAIN", (b"\0ann\0p\xff w",)),
        ("PLAIN", (b"ann\0ann\0p\xff w",)),
        ("LOGIN", (b"ann", b"p\xff w")),
    ],
)
async def test_password_comes_out_byte_for_byte(mechanism: str, responses: tuple[bytes, ...], initial: bool) -> None:
    assert revealed(await play(mechanism, *responses, initial=initial)) == ("ann", b"p\xff w")


@pytest.mark.parametrize("initial", [True, False])
@pytest.mark.parametrize(
    ("mechanism", "response", "username"),
    [
        ("OAUTHBEARER", b"n,a=ann@example.org,\1auth=Bearer t0k/en+=~\1\1", "ann@example.org"),
        ("OAUTHBEARER", b"n,a=ann,\1host=imap.example\1port=143\1auth=Bearer t0k/en+=~\1\1", "ann"),
        ("OAUTHBEARER", b"n,a=ann,\1auth=bearer t0k/en+=~\1host=x\1\1", "ann"),
        ("OAUTHBEARER", b"n,a=a=2Cb=3Dc=3D2C,\1auth=Bearer t0k/en+=~\1\1", "a,b=c=2C"),
        ("XOAUTH2", b"user=ann\1auth=Bearer t0k/en+=~\1\1", "ann"),
        ("XOAUTH2", b"user=ann\1auth=BEARER t0k/en+=~\1\1", "ann"),
    ],
)
async def test_token_and_the_user_that_it_is_for(mechanism: str, response: bytes, username: str, initial: bool) -> None:
    credentials = await play(mechanism, response, initial=initial)
    assert revealed(credentials) == (username, b"t0k/en+=~")
    assert credentials.mechanism == mechanism


@pytest.mark.parametrize(
    ("mechanism", "response"),
    [
        *(
            ("PLAIN", response)
            for response in (b"", b"ann", b"ann\0pw", b"\0ann\0pw\0", b"bob\0ann\0pw", b"\0\xff\0pw")
        ),
        *(
            ("OAUTHBEARER", response)
            for response in (b"", b"\1", b"n,,\1auth=Bearer x\1\1", b"n,a=,\1auth=Bearer x\1\1")
        ),
        ("OAUTHBEARER", b"y,a=ann,\1auth=Bearer x\1\1"),
        ("OAUTHBEARER", b"p=tls-unique,a=ann,\1auth=Bearer x\1\1"),
        ("OAUTHBEARER", b"n,a=ann,\1auth=Bearer \1\1"),
        ("OAUTHBEARER", b"n,a=ann,\1auth=Bearer x y\1\1"),
        ("OAUTHBEARER", b"n,a=ann,\1auth=Bearer x\1"),
        ("OAUTHBEARER", b"n,a=ann,\1auth=Basic x\1\1"),
        ("OAUTHBEARER", b"n,a=ann,\1auth=Bearer x\r\nA LOGOUT\1\1"),
        ("OAUTHBEARER", b"n,a=\xff,\1auth=Bearer x\1\1"),
        ("XOAUTH2", b"user=\1auth=Bearer x\1\1"),
        ("XOAUTH2", b"user=ann\1auth=Bearer x\1"),
        ("XOAUTH2", b"user=ann\1auth=Bearer x\1\1\1"),
        ("XOAUTH2", b"user=ann\1auth=Bearer x\1\1\n"),
    ],
)
async def test_malformed_response_is_a_failed_login(mechanism: str, response: bytes) -> None:
    with pytest.raises(LoginFailed):
        await play(mechanism, response, initial=True)


@pytest.mark.parametrize("line", [b"!", b"====", b"AGEA YQ==", b"AGEAYQ", b"\xff"])
@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN", "OAUTHBEARER", "XOAUTH2"])
async def test_bad_base64_is_bad_and_not_repeated(mechanism: str, line: bytes) -> None:
    async def ask(text: str) -> Secret:
        return Secret(line)

    for initial in (None, Secret(line)):
        with pytest.raises(BadSyntax) as caught:
            await authenticate(mechanism, initial, ask)
        assert repr(line)[2:-1] not in str(caught.value)
        assert caught.value.__cause__ is None and caught.value.__suppress_context__


@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN", "OAUTHBEARER", "XOAUTH2"])
async def test_asterisk_cancels(mechanism: str) -> None:
    async def ask(text: str) -> Secret:
        return Secret(b"*")

    with pytest.raises(LoginCanceled):
        await authenticate(mechanism, None, ask)
    if mechanism == "LOGIN":
        with pytest.raises(LoginCanceled):
            await authenticate(mechanism, Secret(b"YW5u"), ask)


async def test_hostile_token_response_takes_no_time() -> None:
    began = time.monotonic()
    for hostile in (b"n,a=ann,\1" + b"a=\1" * 6000, b"n,a=ann,\1" + b"auth=Bearer x\1" * 1200, b"n,a=" + b"a" * 16000):
        with pytest.raises(LoginFailed):
            await play("OAUTHBEARER", hostile + b"!", initial=True)
    assert time.monotonic() - began < 1
