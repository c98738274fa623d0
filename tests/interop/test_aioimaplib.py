"""aioimaplib, as it is."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import aioimaplib
import pytest
from aioimaplib.aioimaplib import AUTH, SELECTED, Cmd, Command, Commands, Exec

from tests.interop.messages import message, messages, seeds
from tests.interop.places import PATIENCE, Both, Place

DATE = datetime(2021, 3, 28, 0, 59, 59, tzinfo=UTC)


@asynccontextmanager
async def connected(place: Place) -> AsyncIterator[aioimaplib.IMAP4]:
    closed = asyncio.Event()

    def lost(error: Exception | None) -> None:
        closed.set()

    context = place.context() if place.tls else None
    imap = aioimaplib.IMAP4(place.host, place.port, timeout=PATIENCE, conn_lost_cb=lost, ssl_context=context)
    await imap.wait_hello_from_server()
    assert (await imap.login(place.user, place.password)).result == "OK"
    try:
        yield imap
        assert (await imap.logout()).result == "OK"
    finally:
        imap.protocol.transport.close()
        await closed.wait()


async def work(place: Place) -> list[Any]:
    said: list[Any] = []
    async with connected(place) as imap:
        said.append(await imap.id(name="interop"))
        said.append(await imap.namespace())
        said.append(await imap.list('""', "*"))
        said.append(await imap.create("Archive"))
        said.append(await imap.subscribe("Archive"))
        for number, data in enumerate(messages(10, start=20)):
            said.append(await imap.append(data, "Archive", r"\Seen $Label1" if number % 2 else None, DATE))
        said.append(await imap.status("Archive", "(MESSAGES UIDNEXT UNSEEN)"))
        said.append(await imap.select("INBOX"))
        said.append(await imap.search("SUBJECT", "tricky"))
        said.append(await imap.uid_search("NOT", "SEEN"))
        said.append(await imap.fetch("1:*", "(UID FLAGS INTERNALDATE ENVELOPE BODYSTRUCTURE)"))
        said.append(await imap.uid("fetch", "1:19", "(BODY.PEEK[])"))
        said.append(await imap.store("1,3", "+FLAGS", r"(\Deleted)"))
        said.append(await imap.uid("store", "5", "FLAGS", "($Label2)"))
        said.append(await imap.copy("4:6", "Archive"))
        said.append(await imap.uid("move", "9:10", "Archive"))
        said.append(await imap.expunge())
        said.append(await idle(imap, place))
        said.append(await asyncio.gather(imap.noop(), imap.check(), imap.fetch("1:3", "(FLAGS)")))
        said.append(await imap.close())
        said.append(await imap.rename("Archive", '"Archive 2021"'))
        said.append(await imap.lsub('""', "*"))
    return said


async def idle(imap: aioimaplib.IMAP4, place: Place) -> set[bytes]:
    """What is told while the client idles and a message arrives."""
    told: set[bytes] = set()
    idling = await imap.idle_start(PATIENCE)
    place.deliver(message(50))
    while not any(line.endswith(b" EXISTS") for line in told):
        told |= set(await imap.wait_server_push(PATIENCE))
    imap.idle_done()
    assert (await idling).result == "OK"
    return told


def test_mail(both: Both) -> None:
    both.seed(seeds(20))
    mailboxes = both.run(lambda place: asyncio.run(work(place)))
    assert len(mailboxes["Archive 2021"].messages) == 10 + 3 + 2


async def test_execute_beside_mail(relayed: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    # Its table of commands must name what it is to send.
    monkeypatch.setitem(Commands, "EXECUTE", Cmd("EXECUTE", (AUTH, SELECTED), Exec.is_async))
    async with connected(relayed) as imap:

        async def execute(*arguments: str) -> Any:
            command = Command("EXECUTE", imap.protocol.new_tag(), "blacklist", *arguments)
            return await asyncio.wait_for(imap.protocol.execute(command), PATIENCE)

        await imap.select("INBOX")
        await imap.append(message(0), "INBOX", None, DATE)
        assert (await execute("add", "joe@smith.com")).result == "OK"
        assert (await execute("list")).lines[1:] == [b"joe@smith.com\n", b")", b"[EXIT 0] blacklist completed"]
        assert (await imap.search("ALL")).lines[0] == b"1"
