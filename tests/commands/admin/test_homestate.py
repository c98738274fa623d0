"""The overview's health: servers, their engines, the record's lag, the channel layer, and when it was verified."""

import threading
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client
from django.utils import timezone

from commands import audit, servers
from commands.admin import homestate
from commands.evidence import head
from commands.models import AuditEvent, Server, Verification
from tests.commands.evidence.conftest import attack, verify, write

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def data(settings: Any, tmp_path: Path) -> Path:
    settings.DATA_DIR = tmp_path
    (tmp_path / "audit").mkdir()
    return tmp_path


def server(**fields: Any) -> Server:
    now = timezone.now()
    return Server.objects.create(**({"node": "mail1:7", "since": now, "seen_at": now, "engine": "dovecot"} | fields))


def told() -> list[tuple[str, bool]]:
    return [(state.text, state.is_well) for state in homestate.serving(timezone.now())]


def test_server_that_none_runs_is_told():
    ((text, is_well),) = told()
    assert "start manage.py runimap" in text
    assert not is_well


def test_server_tells_how_its_engine_is():
    server()
    ((text, is_well),) = told()
    assert text.startswith("engine dovecot answers; seen ")
    assert is_well


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"engine_fault": "imap://mail: Connection refused"}, "engine away: imap://mail: Connection refused"),
        ({"audit_waiting": 70, "audit_lag": 1.5}, "70 in the queue, for up to 1.5 s"),
    ],
)
def test_server_that_is_not_well_says_what_to_do(fields: dict[str, Any], words: str):
    server(**fields)
    ((text, is_well),) = told()
    assert words in text
    assert not is_well


def test_server_that_is_not_seen_is_told_with_what_to_do():
    server(seen_at=timezone.now() - timedelta(minutes=5, seconds=5))
    ((text, is_well),) = told()
    assert "seen 5\xa0minutes ago. It is dead" in text
    assert not is_well


def test_row_of_a_process_is_its_own_and_goes_with_it():
    servers.note("dovecot", "")
    servers.note("dovecot", "it is away")
    (row,) = servers.told()
    assert (row.node, row.engine_fault) == (head.node(), "it is away")
    server(node="elsewhere:7")
    servers.forget()
    assert [row.node for row in servers.told()] == ["elsewhere:7"]


def test_server_that_has_vanished_long_ago_is_forgotten():
    server(seen_at=timezone.now() - timedelta(hours=2))
    assert servers.told() == []
    servers.note("dovecot", "")
    assert Server.objects.get().node == head.node()


def test_lag_is_how_long_the_oldest_unit_has_waited():
    assert audit.writer.lag() == 0
    began, go = threading.Event(), threading.Event()
    waits = threading.Thread(target=lambda: audit.writer.submit_now(lambda: (began.set(), go.wait(10))))
    waits.start()
    assert began.wait(10)
    first = audit.writer.lag()
    assert audit.writer.lag() > first > 0
    go.set()
    waits.join()
    audit.writer.stop()
    assert audit.writer.lag() == 0


def test_layer_in_memory_says_what_cant_be_seen():
    assert homestate.layer().text.startswith("in memory: what other processes run can't be watched")
    assert homestate.layer().is_well


def verified() -> tuple[str, bool]:
    state = homestate.verified(timezone.now())
    return state.text, state.is_well


def test_verification_of_all_is_told_with_its_newest_anchor():
    assert verified()[0].startswith("never: run manage.py verifyaudit")
    write(3)
    assert verify() == (0, [])
    text, is_well = verified()
    assert is_well
    assert "3 events, all well (anchors up to " in text


def test_verification_that_found_faults_is_told_until_one_finds_none():
    write(3)
    attack("UPDATE commands_auditevent SET actor = 'eve' WHERE actor = 'user2'")
    assert verify()[0] == 1
    text, is_well = verified()
    assert "1 fault. Run manage.py verifyaudit" in text
    assert not is_well
    attack("UPDATE commands_auditevent SET actor = 'user2' WHERE actor = 'eve'")
    assert verify()[0] == 0
    assert verified()[1]


def test_verification_of_one_chain_says_nothing_of_all():
    write(3)
    chain = AuditEvent.objects.values_list("chain_id", flat=True)[0]
    call_command("verifyaudit", "--chain", str(chain))
    assert not Verification.objects.exists()


def test_verification_of_long_ago_is_due_again():
    write(1)
    verify()
    Verification.objects.update(at=timezone.now() - timedelta(days=40))
    text, is_well = verified()
    assert "It is time to run manage.py verifyaudit again" in text
    assert not is_well


def test_overview_shows_them_to_who_may_view_the_record(admin_client: Client):
    server(node="mail1:7\u202e")
    page = admin_client.get("/admin/").content.decode()
    for name in ("Server mail1:7\\u202e", "Channel layer", "Waiting to be recorded"):
        assert name in page
