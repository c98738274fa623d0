"""/health and /metrics on the whole server."""

import json
import urllib.error
import urllib.request
from collections.abc import Iterator

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from tests.support.conversation import Client
from tests.support.engine import READY, Peer, ScriptedEngine
from tests.support.process import eventually
from tests.support.redis import Redis
from tests.support.server import Server


@pytest.fixture
def running(site: Server) -> Iterator[Server]:
    with site.running("--engine", "none"):
        yield site


def get(server: Server, path: str, **headers: str) -> tuple[int, str]:
    try:
        request = urllib.request.Request(f"{server.web}{path}", headers=headers)
        with urllib.request.urlopen(request, timeout=20) as response:
            return response.status, response.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def samples(server: Server) -> dict[tuple[str, ...], float]:
    """By name and values of labels, these in the order of the labels' names."""
    _, text = get(server, "/metrics")
    families = text_string_to_metric_families(text)
    return {
        (s.name, *(s.labels[name] for name in sorted(s.labels))): s.value for family in families for s in family.samples
    }


def test_what_happens_is_counted_and_no_name_of_a_clients_is_a_label(running: Server) -> None:
    with Client(running.imap).log_in("ann") as client:
        assert client.command("1 EXECUTE true") == ["1 OK [EXIT 0] true completed"]
        assert client.command("2 EXECUTE nosuchverb")[-1].startswith("2 NO [NOPERM]")
        found = samples(running)
    assert found["imapx_connections", "imap"] == 1
    assert found["imapx_logins_total", "imap", "ok"] == 1
    assert found["imapx_executions_total", "exit", "true"] == 1
    assert found["imapx_execution_duration_seconds_count", "true"] == 1
    assert found["imapx_refusals_total", "noverb"] == 1
    assert found["imapx_executions_running",] == 0
    assert found["imapx_audit_wait_seconds_count",] >= 3
    assert not any("nosuchverb" in key for key in found)


def test_relayed_octets_are_counted_in_both_directions(server: Server) -> None:
    before = samples(server)
    with Client(server.imap).log_in() as client:
        client.command("1 SELECT INBOX")
        after = samples(server)
    for to in ("engine", "client"):
        assert after["imapx_relayed_octets_total", to] > before["imapx_relayed_octets_total", to]


def test_health_is_503_when_the_database_is_away(site: Server) -> None:
    with site.running("--engine", "none"):
        status, text = get(site, "/health")
        assert (status, json.loads(text)["database"]) == (200, "ok")
    site.python(
        "from django.db import connection as c; c.cursor().execute('ALTER TABLE commands_auditevent RENAME TO x')"
    )
    try:
        with site.running("--engine", "none"):
            status, text = get(site, "/health")
            assert (status, json.loads(text)["database"]) == (503, "unavailable")
    finally:
        site.python(
            "from django.db import connection as c; c.cursor().execute('ALTER TABLE x RENAME TO commands_auditevent')"
        )


def test_others_find_nothing_whatever_they_say_of_where_they_come_from(site: Server) -> None:
    with site.running("--engine", "none", METRICS_FROM="192.0.2.0/24"):
        for path in ("/health", "/metrics"):
            assert get(site, path, **{"X-Forwarded-For": "192.0.2.1"})[0] == 404


@pytest.fixture
def redis() -> Iterator[Redis]:
    redis = Redis()
    yield redis
    redis.stop()


def test_health_asks_redis_and_users_are_served_without_it(site: Server, redis: Redis) -> None:
    with site.running("--engine", "none", REDIS_URL=redis.url):
        assert json.loads(get(site, "/health")[1])["channel_layer"] == "ok"
    redis.stop()
    with site.running("--engine", "none", REDIS_URL=redis.url):
        status, text = get(site, "/health")
        assert (status, json.loads(text)["channel_layer"]) == (200, "unavailable")
    with site.running("--engine", "none"):
        assert json.loads(get(site, "/health")[1])["channel_layer"] == "in memory"


def test_health_waits_not_for_long_for_redis_that_hangs(site: Server, redis: Redis) -> None:
    redis.pause()
    with site.running("--engine", "none", REDIS_URL=redis.url):
        assert json.loads(get(site, "/health")[1])["channel_layer"] == "unavailable"


def test_health_is_503_while_the_engine_does_not_answer(site: Server) -> None:
    def says_nothing(peer: Peer) -> None:
        peer.hear_all()

    with ScriptedEngine(says_nothing) as engine:
        engine.stop()  # whoever comes now is refused
        with site.running("--engine", engine.url, ENGINE_TLS="off"):
            assert eventually(lambda: get(site, "/health")[0] == 503)
            assert json.loads(get(site, "/health")[1])["engine"] == "unavailable"
            assert samples(site)["imapx_engine_up",] == 0
            ((fault,),) = site.query("SELECT engine_fault FROM commands_server")
            assert str(fault).startswith(engine.url)
    assert site.query("SELECT node FROM commands_server") == []


def test_health_is_well_while_the_engine_greets(site: Server) -> None:
    def greets(peer: Peer) -> None:
        peer.say(READY)
        peer.hear_all()

    with ScriptedEngine(greets) as engine, site.running("--engine", engine.url, ENGINE_TLS="off"):
        assert eventually(lambda: site.query("SELECT node FROM commands_server"))
        status, text = get(site, "/health")
        assert (status, json.loads(text)["engine"]) == (200, "ok")
        found = samples(site)
    assert found["imapx_engine_up",] == 1
    assert found["imapx_audit_lag_seconds",] == 0
