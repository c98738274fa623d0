"""`manage.py lock` on servers that run: what it covers ends in each of them, starts in none, and is on record."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import datetime

import pytest

from tests.imapserver.test_tagged_form import begin
from tests.support import verbs
from tests.support.conversation import Client
from tests.support.postgres import Postgres
from tests.support.process import alive, eventually
from tests.support.server import ROOT, Server
from tests.support.verbs import TestVerb, program

REFUSED = "NO [NOPERM] you may not run this verb, or there is none of this name"
ENDED = "NO [CANCELED] echo was ended by an administrator"

CHANGES = {
    "rule": "from commands.models import Rule; Rule.objects.filter(verb__name='echo').delete()",
    "user": "from django.contrib.auth.models import User; User.objects.filter(username='demo').update(is_active=False)",
    "verb": "from commands.models import Verb; Verb.objects.filter(name='echo').update(enabled=False)",
}

RESTORE = """
from django.contrib.auth.models import User
from commands.models import Lock, Rule, Verb
Lock.objects.all().delete()
User.objects.filter(username="demo").update(is_active=True)
Verb.objects.filter(name="echo").update(enabled=True)
Rule.objects.get_or_create(user=User.objects.get(username="demo"), verb=Verb.objects.get(name="echo"))
"""


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory, run_postgres: Postgres | None) -> Iterator[tuple[Server, Server]]:
    """Two server processes on one database."""
    data = tmp_path_factory.mktemp("locks")
    first, second = Server(data, run_postgres, DRAIN_SECONDS="1"), Server(data, DRAIN_SECONDS="1")
    second.environment = first.environment
    first.prepare()
    verbs.add(
        first,
        TestVerb("echo", program("says-pid"), mode="interactive"),
        TestVerb("deaf-dialogue", program("ignores-term"), mode="interactive"),
        TestVerb("true", ["/bin/true"], user="ann"),
        TestVerb("prints", program("prints", "{text0}"), texts=1),
    )
    first.start("--engine", "none")
    second.start("--engine", "none")
    yield first, second
    assert (first.stop(), second.stop()) == (0, 0)
    first.close()
    second.close()


@pytest.fixture
def clients(both: tuple[Server, Server]) -> Iterator[list[Client]]:
    """The user demo on each of both."""
    with ExitStack() as stack:
        yield [stack.enter_context(Client(server.imap)).log_in() for server in both]
    both[0].python(RESTORE)


def seconds_after_lock(server: Server) -> list[float]:
    """How long after the last lock each execution was ended that is recorded as ended by it."""

    def moment(value: datetime | str) -> datetime:
        return datetime.fromisoformat(value) if isinstance(value, str) else value

    ((made,),) = server.query("SELECT made_at FROM commands_lock ORDER BY id DESC LIMIT 1")
    rows = server.query("SELECT at FROM commands_auditevent WHERE kind = 'exit' AND outcome = 'revoked'")
    return [(moment(at) - moment(made)).total_seconds() for (at,) in rows if moment(at) > moment(made)]


@pytest.mark.parametrize(
    ("options", "covers"),
    [
        (("--user", "demo"), "user demo"),
        (("--verb", "echo"), "verb echo"),
        (("--network", "127.0.0.0/8"), "network 127.0.0.0/8"),
        (("--everything",), "everything"),
    ],
)
def test_lock_ends_what_it_covers_in_each_process_within_a_second_and_nothing_starts(
    both: tuple[Server, Server], clients: list[Client], options: tuple[str, ...], covers: str
) -> None:
    pids = [begin(client) for client in clients]
    said = both[0].manage("lock", *options, "--reason", "lost phone")
    for client in clients:
        assert client.until("100 ")[-1] == f"100 {ENDED}"
        assert client.command("101 EXECUTE echo") == [f"101 {REFUSED}"]
    assert not any(map(alive, pids))
    (number,) = both[0].query("SELECT id FROM commands_lock")[0]
    assert said.startswith(f"Lock {number} stands until it is lifted: {covers} (lost phone).\n")
    assert said.count("  ended (revoked): demo: echo, started ") == 2
    taken = seconds_after_lock(both[0])
    assert len(taken) == 2
    assert max(taken) < 1
    why = both[0].query("SELECT DISTINCT reason FROM commands_auditevent WHERE outcome = 'revoked' AND kind = 'exit'")
    assert (f"lock {number}: {covers} (lost phone)",) in why
    # Of all others the lock says nothing, and lifted it says nothing of anybody.
    with Client(both[1].imap) as other:
        ended = other.log_in("ann").command("1 EXECUTE true")
        assert ended[0].startswith("1 OK" if covers in ("user demo", "verb echo") else "1 NO [NOPERM]")
    assert both[0].manage("unlock", str(number)) == f"Lifted lock {number}: {covers} (lost phone).\n"
    assert begin(clients[1], tag="102")


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_right_that_is_revoked_ends_what_it_allowed_in_each_process(
    both: tuple[Server, Server], clients: list[Client], change: str
) -> None:
    pids = [begin(client) for client in clients]
    both[0].python(change)
    for client in clients:
        assert client.until("100 ")[-1] == f"100 {ENDED}"
    assert not any(map(alive, pids))


def test_program_that_ignores_term_is_killed(both: tuple[Server, Server], clients: list[Client]) -> None:
    pid = begin(clients[0], "deaf-dialogue")
    both[0].manage("lock", "--verb", "deaf-dialogue", "--reason", "test")
    assert clients[0].until("100 ")[-1] == "100 NO [CANCELED] deaf-dialogue was ended by an administrator"
    assert not alive(pid)


def test_lock_ends_by_itself_at_its_time(both: tuple[Server, Server], clients: list[Client]) -> None:
    said = both[0].manage("lock", "--user", "demo", "--reason", "a moment", "--for", "3s")
    assert "Nothing that it covers was running." in said
    assert clients[0].command("100 EXECUTE prints x") == [f"100 {REFUSED}"]
    assert eventually(lambda: clients[0].command("101 EXECUTE prints x")[-1].startswith("101 OK"))
    assert "; over since 2" in both[0].manage("lock")


def test_terminal_is_told_which_lock_it_was(both: tuple[Server, Server], clients: list[Client]) -> None:
    argv = [sys.executable, str(ROOT / "manage.py"), "execute", "demo", "echo"]
    pipe = subprocess.PIPE
    with subprocess.Popen(argv, env=both[0].environment, cwd=ROOT, stdin=pipe, stdout=pipe, stderr=pipe) as process:
        assert process.stdout is not None
        assert process.stdout.readline()  # it runs
        both[0].manage("lock", "--verb", "echo", "--reason", "a fault")
        _, errors = process.communicate(timeout=30)
    assert process.returncode == 77
    assert errors.decode().endswith("echo was ended by an administrator: lock " + _last_lock(both[0]) + ".\n")


def _last_lock(server: Server) -> str:
    ((number,),) = server.query("SELECT id FROM commands_lock ORDER BY id DESC LIMIT 1")
    return f"{number}: verb echo (a fault)"
