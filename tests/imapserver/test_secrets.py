"""A password that has been used is dropped: a connection that idles for hours holds nothing of it in memory."""

import asyncio
import base64
import gc
import secrets
import ssl

import pytest
from channels.db import database_sync_to_async
from django.contrib.auth.models import User

from commands import audit
from imapserver.consumer import ImapConsumer
from imapserver.engine.none import NoEngine
from imapserver.server import ImapServer

WAYS = ["login", "literal", "plain", "plain later", "auth login"]


def kept(reversed_words: list[bytes]) -> list[object]:
    """Objects that refer to text or octets with one of these words, which are spelled backwards here."""
    gc.collect()
    found = []
    for holder in gc.get_objects():
        for value in gc.get_referents(holder):
            # Not isinstance: to ask an object that stands for another one what it is would make it find that one.
            kind = type(value)
            if issubclass(kind, str) and len(value) < 100_000:
                value, kind = value.encode(errors="replace"), bytes
            if issubclass(kind, bytes | bytearray) and len(value) < 100_000:
                spelled = bytes(value)[::-1]
                if any(word in spelled for word in reversed_words):
                    found.append(holder)
    return found


def commands(way: str, password: bytes) -> list[bytes]:
    """What the client sends, a step after each answer."""
    response = base64.b64encode(b"\0ann\0" + password)
    return {
        "login": [b'a LOGIN ann "%b"\r\n' % password],
        "literal": [b"a LOGIN {3}\r\n", b"ann {%d}\r\n" % len(password), password + b"\r\n"],
        "plain": [b"a AUTHENTICATE PLAIN " + response + b"\r\n"],
        "plain later": [b"a AUTHENTICATE PLAIN\r\n", response + b"\r\n"],
        "auth login": [b"a AUTHENTICATE LOGIN\r\n", b"YW5u\r\n", base64.b64encode(password) + b"\r\n"],
    }[way]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("way", "right"), [*((way, True) for way in WAYS), ("literal", False)])
async def test_password_is_in_no_object_after_the_login(way: str, right: bool, settings: pytest.FixtureRequest) -> None:
    settings.IMAPX = settings.IMAPX | {"FAILED_LOGIN_SECONDS": 0}  # type: ignore[attr-defined]
    password = secrets.token_hex(12).encode()
    backwards = [word[::-1] for word in (password, base64.b64encode(password), base64.b64encode(b"\0ann\0" + password))]
    made = password.decode() if right else "another one"
    await database_sync_to_async(User.objects.create_user)("ann", password=made)  # which closes its connection
    server = ImapServer(ImapConsumer.as_asgi(), NoEngine(), ssl.create_default_context(ssl.Purpose.CLIENT_AUTH))
    reader, writer = await asyncio.open_connection(*await server.listen("127.0.0.1", 0, tls=False))
    assert kept(backwards), "this would find nothing"
    for step in commands(way, password):
        await reader.readline()
        writer.write(step)
    del step, password, made
    assert (await reader.readline()).startswith(b"a OK" if right else b"a NO")
    try:
        assert kept(backwards) == []
    finally:
        writer.close()
        await writer.wait_closed()
        await server.drain(1)
        await asyncio.to_thread(audit.writer.stop)
