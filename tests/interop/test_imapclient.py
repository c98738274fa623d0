"""IMAPClient, as it is."""

from datetime import UTC, datetime
from typing import Any

from imapclient import IMAPClient

from tests.interop.messages import message, messages, seeds
from tests.interop.places import PATIENCE, Both, Place

DATE = datetime(2021, 3, 28, 0, 59, 59, tzinfo=UTC)


def connect(place: Place) -> IMAPClient:
    context = place.context() if place.tls else None
    client = IMAPClient(place.host, place.port, ssl=place.tls, ssl_context=context, timeout=15)
    client.login(place.user, place.password)
    return client


def work(place: Place) -> list[Any]:
    said: list[Any] = []
    with connect(place) as client:
        said.append(client.list_folders())
        said.append(client.namespace())
        said.append(client.enable("CONDSTORE"))
        client.create_folder("Größe & Maß")
        client.create_folder("Archive")
        client.subscribe_folder("Archive")
        for number, data in enumerate(messages(10, start=20)):
            client.append("Archive", data, [r"\Flagged", "$Label1"] if number % 2 else [], DATE)
        client.multiappend("Größe & Maß", [{"msg": data, "date": DATE} for data in messages(5, start=40)])
        said.append(client.folder_status("Archive", ["MESSAGES", "UIDNEXT", "UNSEEN"]))
        said.append(client.select_folder("INBOX")[b"EXISTS"])
        said.append(client.search(["SUBJECT", "tricky"]))
        said.append(client.search(["TEXT", "Größe"], charset="UTF-8"))
        said.append(client.sort(["REVERSE DATE"]))
        said.append(client.thread())
        uids = client.search()
        said.append(client.fetch(uids, ["ENVELOPE", "BODYSTRUCTURE", "FLAGS", "INTERNALDATE", "RFC822.SIZE"]))
        said.append(client.fetch(uids, ["BODY.PEEK[]"]))
        said.append(client.fetch(uids[3], ["BINARY.PEEK[1]", "BODY[HEADER]"]))
        said.append(client.fetch(uids, ["FLAGS"], ["CHANGEDSINCE 2"]))
        said.append(client.add_flags(uids[:3], [r"\Deleted"]))
        said.append(client.set_flags(uids[4], ["$Label2"]))
        client.copy(uids[5:8], "Archive")
        client.move(uids[8:10], "Größe & Maß")
        said.append(client.uid_expunge(uids[:2]))
        said.append(client.expunge())
        said.append(idle(client, place))
        client.unselect_folder()
        client.rename_folder("Archive", "Archive 2021")
        said.append(client.list_sub_folders())
        client.delete_folder("Größe & Maß")
    return said


def idle(client: IMAPClient, place: Place) -> set[Any]:
    """What is told while the client idles and a message arrives."""
    told: set[Any] = set()
    client.idle()
    place.deliver(message(50))
    while not any(response[1] == b"EXISTS" for response in told):
        told |= set(client.idle_check(PATIENCE))
    told |= set(client.idle_done()[1])
    return told


def test_mail(both: Both) -> None:
    both.seed(seeds(20))
    mailboxes = both.run(work)
    assert len(mailboxes["Archive 2021"].messages) == 10 + 3


def test_execute_beside_mail(relayed: Place) -> None:
    with connect(relayed) as client:
        client.select_folder("INBOX")
        client.append("INBOX", message(0), [], DATE)
        assert client._raw_command(b"EXECUTE", [b"blacklist", b"add", b"joe@smith.com"], uid=False)[0] == "OK"
        head, end = client._raw_command_untagged(b"EXECUTE", [b"blacklist", b"list"], uid=False)
        assert head[1] == b"joe@smith.com\n" and end == b")"
        assert client.search() == [1]
