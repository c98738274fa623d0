"""The first page: what it counts, what it warns of, for whom, and that it never reads all of the record."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.http import HttpResponse
from django.test import Client
from django.utils import timezone

from commands.admin import homecounts
from commands.admin.homecharts import Chart, Series
from commands.admin.homecounts import Count, Span, counts, last_day, last_hour, last_week, of_end, of_outcome, rejects
from commands.admin.homehealth import last_anchor
from commands.evidence import head
from commands.models import AuditEvent, Execution, Lock
from tests.commands.admin.conftest import make_event, make_execution, make_verb

DAY = timedelta(days=1)


@pytest.fixture(autouse=True)
def data(settings: Any, tmp_path: Path) -> Path:
    """A data directory of its own: without keys, without anchors."""
    settings.DATA_DIR = tmp_path
    (tmp_path / "audit").mkdir()
    return tmp_path


def client_who_may(*permissions: str) -> Client:
    user = User.objects.create_user("clerk", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    client = Client()
    client.force_login(user)
    return client


def notices(response: HttpResponse) -> dict[str, str]:
    return {notice.text: notice.address for notice in response.context["attention"]}  # type: ignore[attr-defined]


def tiles(response: HttpResponse) -> dict[str, str]:
    return {tile.name: str(tile.count) for tile in response.context["tiles"]}  # type: ignore[attr-defined]


def titles(response: HttpResponse) -> list[str]:
    return [table.title for table in response.context["recent"]]  # type: ignore[attr-defined]


def test_empty_record_says_what_it_means(admin_client: Client):
    response = admin_client.get("/admin/")
    page = response.content.decode()
    for text in ("Nothing runs now.", "No verb has been run yet.", "Nothing has been refused yet.", "No alert:"):
        assert text in page
    assert "Nothing is locked." in page
    assert set(tiles(response).values()) == {"0"}
    assert "<rect" not in page


def test_numbers_are_of_now_and_of_the_last_day(admin_client: Client):
    old = timezone.now() - 3 * DAY
    make_execution()
    make_execution(outcome="exit", exit_code=0)
    make_execution(outcome="exit", started=old)
    make_event()
    make_event(at=old)
    make_event(kind="login", outcome="failed")
    make_event(kind="login", outcome="ok")
    make_event(kind="alert", outcome="locked-out")
    assert tiles(admin_client.get("/admin/")) == {
        "Running now": "1",
        "Executions, last day": "2",
        "Refusals, last day": "1",
        "Failed logins, last day": "1",
        "Alerts, last day": "1",
        "Standing locks": "0",
    }


def test_every_link_of_the_page_leads_to_a_list_that_opens(admin_client: Client):
    make_execution(outcome="lost")
    make_execution(outcome="audit-lost")
    make_event()
    make_event(kind="alert", outcome="locked-out")
    make_verb("gone", argv=["/no/such/program"])
    response = admin_client.get("/admin/")
    addresses = [tile.address for tile in response.context["tiles"]]
    addresses += [series.address for chart in response.context["charts"] for series in chart.series]
    addresses += filter(None, notices(response).values())
    addresses += [address for table in response.context["recent"] for address, _ in table.links]
    for address in addresses:
        assert admin_client.get(address).status_code == 200, address


def test_charts_count_each_kind_in_its_span(admin_client: Client):
    make_execution(outcome="exit")
    make_execution(outcome="exit", started=timezone.now() - 2 * DAY)
    make_event()
    response = admin_client.get("/admin/")
    found = {chart.key: [str(each.total) for each in chart.series] for chart in response.context["charts"]}
    assert found["hour"] == found["day"] == ["1", "1"]
    assert found["week"] == ["2", "1"]
    page = response.content.decode()
    assert page.count("<svg viewBox") == page.count("<desc") == 3
    assert 'style="' not in page.partition('class="home-charts')[2].partition("</svg>")[0]


def test_count_ends_at_the_cap_and_says_so(db: None, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(homecounts, "CAP", 3)
    for _ in range(3):
        make_event()
    assert counts([rejects()], "at") == [Count(3)]
    make_event()
    (count,) = counts([rejects()], "at")
    assert str(count) == "3+"
    spans = [Span(timezone.now(), timezone.now(), "12:00")]
    chart = Chart("hour", "Last hour", spans, [Series("Refusals", "home-refusals", [count], "")])
    assert chart.description == "From 12:00: at least 3 refusals"


@pytest.mark.parametrize(
    ("queryset", "index"),
    [
        (lambda: AuditEvent.objects.filter(at__gte=timezone.now()).order_by("at").values_list("at"), "auditevent_at"),
        (lambda: rejects().order_by("at").values_list("at"), "auditevent_rejects"),
        (lambda: of_outcome("failed").order_by("at").values_list("at"), "auditevent_outcome"),
        (lambda: of_end("lost").order_by("started").values_list("started"), "execution_outcome"),
        (lambda: homecounts.running().order_by("started").values_list("started"), "execution_running"),
        (lambda: Execution.objects.order_by("started").values_list("started"), "execution_started"),
    ],
)
def test_each_count_is_read_from_an_index(db: None, queryset: Any, index: str):
    if connection.vendor != "sqlite":
        pytest.skip("PostgreSQL takes an index of a table that is large enough only")
    assert f"INDEX {index}" in queryset()[:10].explain().replace("COVERING ", "")


def test_bars_stand_in_their_drawing():
    at = timezone.now()
    spans = [Span(at, at, "1"), Span(at, at, "2")]
    series = [Series("Executions", "e", [Count(0), Count(1000)], ""), Series("Refusals", "r", [Count(1), Count(5)], "")]
    bars = Chart("day", "Last day", spans, series).bars
    assert len(bars) == 3  # nothing has no bar
    for bar in bars:
        assert 0 <= bar.x < bar.x + bar.width <= 240
        assert 2 <= bar.height <= 60
        assert bar.y + bar.height == pytest.approx(60)


def test_spans_are_of_the_sites_clock(settings: Any):
    settings.TIME_ZONE = "Europe/Berlin"
    with timezone.override("Europe/Berlin"):
        now = datetime(2026, 3, 29, 10, 7, tzinfo=UTC)  # that night the clock was set from 2 to 3
        assert [last_hour(now)[0].name, last_hour(now)[-1].name] == ["11:10", "12:05"]
        assert len(last_hour(now)) == 12
        assert "02:00" not in [span.name for span in last_day(now)]
        week = last_week(now)
        assert [week[0].name, week[-1].name] == ["Mon 2026-03-23", "Sun 2026-03-29"]
        assert week[-1].end.astimezone(UTC) - week[-1].start.astimezone(UTC) == timedelta(hours=23)
        for spans in (last_hour(now), last_day(now), week):
            assert spans[-1].start <= now < spans[-1].end
            assert all(a.end == b.start for a, b in pairwise(spans))


def test_verbs_are_ordered_by_how_long_they_take_and_how_often_they_are_refused(admin_client: Client):
    now = timezone.now()
    for verb, seconds in (("quick", 1), ("slow", 90), ("slow", 30)):
        make_execution(verb=verb, outcome="exit", started=now, ended=now + timedelta(seconds=seconds))
    for verb in ("passwd", "spam", "spam"):
        make_event(verb=verb)
    tables = {table.title: table.rows for table in admin_client.get("/admin/").context["recent"]}
    slow, quick = tables["Slowest verbs, last day"]
    assert slow[1:] == ["2", "0:01:00", "0:01:30"]
    assert quick[1:] == ["1", "1.000 s", "1.000 s"]
    assert [row[1] for row in tables["Most refused verbs, last day"]] == ["2", "1"]


def test_attention_is_called_to_what_was_lost_and_to_alerts(admin_client: Client):
    assert notices(admin_client.get("/admin/")) == {}
    make_execution(outcome="lost")
    make_execution(outcome="lost", started=timezone.now() - 2 * DAY)
    make_event(kind="alert", outcome="locked-out")
    found = notices(admin_client.get("/admin/"))
    assert "Lost, since the server died: 1 execution of the last day." in found
    assert "Found by the server itself: 1 alert of the last day." in found
    assert any("?outcome=lost&" in address for address in found.values())


def test_attention_is_called_to_a_verification_key_that_was_left(admin_client: Client, data: Path):
    head.take_key()
    assert any("verification-key-" in text for text in notices(admin_client.get("/admin/")))
    for key in (data / "audit").glob("verification-key-*"):
        key.unlink()
    assert notices(admin_client.get("/admin/")) == {}


def test_attention_is_called_to_debug_off_loopback(admin_client: Client, settings: Any):
    settings.DEBUG = True
    settings.ALLOWED_HOSTS = ["127.0.0.1", "localhost"]
    own = {"host": "localhost:8000"}
    assert notices(admin_client.get("/admin/", headers=own)) == {}
    settings.ALLOWED_HOSTS = ["localhost", "mail.example.org"]
    assert any("IMAPX_DEBUG" in text for text in notices(admin_client.get("/admin/", headers=own)))


def test_attention_is_called_to_a_program_that_is_missing(admin_client: Client, tmp_path: Path):
    make_verb("here")
    make_verb("off", argv=["/no/such/program"], enabled=False)
    make_verb("service", kind="socket", argv=[], address="unix:/run/service")
    assert notices(admin_client.get("/admin/")) == {}
    gone = make_verb("gone", argv=[str(tmp_path / "gone\u202e")])
    (text, address) = next(iter(notices(admin_client.get("/admin/")).items()))
    assert address == f"/admin/commands/verb/{gone.pk}/change/"
    assert "\\u202e" in text


def test_lock_that_is_over_does_not_stand(admin_client: Client):
    Lock.objects.create(verb=make_verb("passwd"), reason="broken")
    Lock.objects.create(network="192.0.2.7", reason="over", until=timezone.now() - DAY)
    response = admin_client.get("/admin/")
    assert [len(table.rows) for table in response.context["recent"] if table.title == "Standing locks"] == [1]
    assert tiles(response)["Standing locks"] == "1"


def test_anchor_that_is_late_is_told(admin_client: Client, data: Path):
    file = data / "audit" / "anchors"
    told = timezone.now() - timedelta(hours=1)
    file.write_text(f"no anchor\n{told.isoformat()} {uuid4()} 7 {'ab' * 32}\n")
    assert last_anchor(file) == told

    def anchor_is_well() -> bool:
        states = {state.name: state.is_well for state in admin_client.get("/admin/").context["health"]}
        return bool(states["Last anchor"])

    make_event(node="elsewhere:7")
    assert anchor_is_well()  # another machine's is told there
    make_event(node=head.node())
    assert anchor_is_well()  # it is not due yet
    make_event(node=head.node(), at=timezone.now() - timedelta(minutes=30))
    assert not anchor_is_well()
    file.unlink()
    assert not anchor_is_well()


def test_each_block_is_for_those_alone_who_may_view_what_it_is_about(db: None, data: Path):
    head.take_key()
    make_execution(outcome="lost")
    make_event(kind="alert", outcome="locked-out")
    make_verb("gone", argv=["/no/such/program"])
    response = client_who_may("view_execution").get("/admin/")
    assert list(tiles(response)) == ["Running now", "Executions, last day"]
    assert titles(response) == ["Running now", "Last executions", "Slowest verbs, last day"]
    assert {each.name for chart in response.context["charts"] for each in chart.series} == {"Executions"}
    assert response.context["health"] == []
    assert len(notices(response)) == 1
    User.objects.all().delete()
    response = client_who_may("view_auditevent").get("/admin/")
    assert titles(response) == ["Last refusals", "Most refused verbs, last day", "Last alerts"]
    assert {each.name for chart in response.context["charts"] for each in chart.series} == {"Refusals"}
    assert len(notices(response)) == 2
    User.objects.all().delete()
    response = client_who_may("view_lock").get("/admin/")
    assert titles(response) == ["Standing locks"]
    assert tiles(response) == {"Standing locks": "0"}
    assert not (response.context["charts"] or notices(response) or response.context["health"])


def test_page_takes_as_many_queries_for_many_rows_as_for_few(admin_client: Client, django_assert_max_num_queries: Any):
    for number in range(20):
        verb = make_verb(f"verb{number}")
        Lock.objects.create(verb=verb, reason="broken")
        make_execution(verb=verb.name)
        make_execution(verb=verb.name, outcome="exit")
        make_event(verb=verb.name)
        make_event(kind="alert", outcome="locked-out")
    with django_assert_max_num_queries(24):
        assert admin_client.get("/admin/").status_code == 200


def test_what_clients_wrote_is_shown_inert(admin_client: Client):
    make_execution(username="<b>ann", verb="x\u202ey", outcome="exit")
    make_event(verb="<script>\u202e", actor="<b>ann")
    page = admin_client.get("/admin/").content.decode()
    assert "<b>ann" not in page
    assert "\u202e" not in page
    assert "<script>\\u202e" not in page
