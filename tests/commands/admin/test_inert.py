"""What users send is shown, and does nothing: no markup, no control, no change of reading direction."""

import re

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client

from commands.audit_text import encode_arguments
from commands.models import AuditEvent, Rule, Verb
from tests.commands.admin.conftest import make_event, make_execution

HOSTILE = "<script>alert(1)</script>\"><img src=x onerror=alert(2)>\x1b[31m\x00\u202egnp\u2066\x85'"
LIVE = re.compile(r"<script>alert|<img src=x|[\x00\x1b\x85\u202e\u2066]")
STORABLE = HOSTILE.replace("\x00", "")  # PostgreSQL text holds no NUL, and the writer of the record makes it visible


@pytest.fixture
def hostile_rows(db: None) -> list[str]:
    """Rows with hostile text wherever somebody could have put it; the addresses where they are shown."""
    user, group = User.objects.create(username=STORABLE), Group.objects.create(name=STORABLE)
    verb = Verb.objects.create(
        name="<script>alert(1)</script>", description=STORABLE, argv=[STORABLE], environment={"A": STORABLE}
    )
    Rule.objects.create(user=user, verb=verb, reason=STORABLE)
    rule = Rule.objects.create(group=group, all_verbs=True, reason=STORABLE)
    execution = make_execution(username=STORABLE[:150], verb=STORABLE[:64], arguments_text=STORABLE, outcome="<b>")
    event = make_event(
        (HOSTILE.encode(), b"\xff\xfe"),
        actor=STORABLE,
        verb=STORABLE,
        reason=STORABLE,
        rule=STORABLE,
        rule_id=rule.pk,
        outcome="<b>",
        arguments_text=STORABLE,
        execution_id=execution.pk,
    )
    return [f"/admin/commands/execution/{execution.pk}/change/", f"/admin/commands/auditevent/{event.pk}/change/"]


def test_record_shows_hostile_text_as_text(admin_client: Client, hostile_rows: list[str]):
    for page in ["/admin/", "/admin/commands/auditevent/", "/admin/commands/execution/", *hostile_rows]:
        text = admin_client.get(page).content.decode()
        main = text.partition('id="content"')[2]
        assert "&lt;script&gt;" in main, page
        assert r"\x1b[31m" in main, page
        assert r"\u202e" in main, page
        assert not LIVE.search(main), page


def test_markup_in_map_and_people_is_inert(admin_client: Client, hostile_rows: list[str]):
    pages = []
    for model, query in [("auth/user", User), ("auth/group", Group), ("commands/verb", Verb), ("commands/rule", Rule)]:
        row = query.objects.order_by("pk").last()
        pages += [f"/admin/{model}/", *(f"/admin/{model}/{row.pk}/{page}/" for page in ("change", "delete", "history"))]
    for page in pages:
        text = admin_client.get(page).content.decode()
        assert not re.search(r"<script>alert|<img src=x", text), page


def test_search_and_filter_are_echoed_as_text(admin_client: Client, db: None):
    for address in ("/admin/commands/auditevent/", "/admin/commands/execution/"):
        response = admin_client.get(
            address, {"q": STORABLE, "user": STORABLE, "outcome": STORABLE, "at_from": STORABLE}
        )
        assert not re.search(r"<script>alert|<img src=x", response.content.decode())


def test_each_argument_is_shown_with_its_length(admin_client: Client, hostile_rows: list[str]):
    page = admin_client.get(hostile_rows[1]).content.decode()
    assert "2 bytes: <code>\\xff\\xfe</code>" in page


def test_arguments_that_are_no_netstrings_are_shown_raw(admin_client: Client, db: None):
    event = make_event(())
    broken = AuditEvent(arguments=encode_arguments((b"add",))[:-1] + b"\x1b")
    for field in AuditEvent._meta.fields:
        if field.name not in ("id", "arguments"):
            setattr(broken, field.name, getattr(event, field.name))
    broken.save()
    page = admin_client.get(f"/admin/commands/auditevent/{broken.pk}/change/").content.decode()
    assert r"not netstrings: <code>3:add\x1b</code>" in page
