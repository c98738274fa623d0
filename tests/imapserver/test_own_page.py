"""Users at their own page on the whole server, while they are connected by IMAP."""

import uuid
from collections.abc import Iterator

import pytest

from tests.support.conversation import Client
from tests.support.process import eventually
from tests.support.server import Server
from tests.support.webuser import WebUser


@pytest.fixture(scope="module")
def front(site: Server) -> Iterator[Server]:
    with site.running("--engine", "none") as front:
        yield front


@pytest.fixture
def ann(front: Server) -> WebUser:
    assert front.web is not None
    user = WebUser(front.web)
    assert user.log_in("ann", "ann").location == "/me/"
    return user


@pytest.fixture
def phone(front: Server) -> Iterator[Client]:
    with Client(front.imap).log_in("ann") as client:
        client.send(b"1 EXECUTE calendar\r\n")
        client.until(r"\* EXECUTE|1 OK \[EXECUTING\]|\+")
        yield client


def the_only(front: Server, table: str, where: str = "1 = 1") -> str:
    ((key,),) = front.query(f"SELECT id FROM commands_{table} WHERE {where}")
    return str(uuid.UUID(str(key)))


def test_what_runs_is_ended_and_its_client_is_told(front: Server, ann: WebUser, phone: Client) -> None:
    key = the_only(front, "execution", "outcome = ''")
    assert f"/me/end/{key}/" in ann.get("/me/").text
    assert ann.post(f"/me/end/{key}/", "/me/").location == "/me/"
    assert phone.until("1 ")[-1].startswith("1 NO [CANCELED]")
    assert "Ended: calendar." in ann.get("/me/").text
    assert front.exits("calendar")[-1] == "ended"


def test_lock_of_oneself_ends_what_runs_and_lets_nothing_start(front: Server, ann: WebUser, phone: Client) -> None:
    ann.post("/me/lock/", "/me/", reason="lost phone")
    assert phone.until("1 ")[-1].startswith("1 NO [CANCELED]")
    assert phone.command("2 EXECUTE calendar")[-1].startswith("2 NO [NOPERM]")
    lock = front.query("SELECT id FROM commands_lock")[0][0]
    ann.post(f"/me/lift/{lock}/", "/me/")
    assert front.query("SELECT id FROM commands_lock") == []
    phone.send(b"3 EXECUTE calendar\r\n")
    phone.until(r"3 OK \[EXECUTING\]|\+")


def test_client_that_is_disconnected_is_told_and_gone(front: Server, ann: WebUser, phone: Client) -> None:
    key = the_only(front, "connection")
    ann.post(f"/me/disconnect/{key}/", "/me/")
    assert "BYE" in phone.until(r"\* BYE")[-1]
    assert eventually(lambda: not front.query("SELECT id FROM commands_connection"))
    assert "No mail client is connected with your name." in ann.get("/me/").text
