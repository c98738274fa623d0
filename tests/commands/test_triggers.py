"""What the database itself holds to, whoever writes to it and by which way."""

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.core.management import CommandError, call_command
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from commands import triggers
from commands.models import ActionVerb, AuditEvent, MapRevision, Parameter, Rule, Signature, Verb
from commands.models.audit import AppendOnlyError

pytestmark = pytest.mark.django_db

User = get_user_model()


def revision() -> int:
    return MapRevision.objects.get(pk=1).number


def run(sql: str, parameters: tuple[object, ...] = ()) -> None:
    """As somebody with a database client would."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql, parameters)


@pytest.fixture
def event() -> AuditEvent:
    return AuditEvent.objects.create(at=timezone.now(), kind="login", outcome="ok", actor="ann", node="n")


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE commands_auditevent SET actor = 'eve'",
        "DELETE FROM commands_auditevent",
        "UPDATE commands_auditevent SET id = id + 1",
    ],
)
def test_audit_event_is_not_changed_by_sql(event, sql):
    with pytest.raises(IntegrityError, match="can't be changed or deleted"):
        run(sql)
    event.refresh_from_db()
    assert event.actor == "ann"


def test_audit_event_is_not_replaced_by_an_insert(event):
    columns = "id, at, kind, outcome, reason, actor, tls, door, verb, rule, arguments, arguments_text, node"
    row = "'2030-01-01', 'login', 'ok', '', 'eve', false, '', '', '', '', '', 'n'"
    sql = f"INTO commands_auditevent ({columns}) VALUES ({event.pk}, {row})"
    replace = f"INSERT OR REPLACE {sql}"
    if connection.vendor == "postgresql":
        replace = f"INSERT {sql} ON CONFLICT (id, at) DO UPDATE SET actor = excluded.actor"
    with pytest.raises(IntegrityError, match="can't be changed or deleted"):
        run(replace)
    event.refresh_from_db()
    assert event.actor == "ann"


def test_audit_record_is_not_truncated(event):
    if connection.vendor != "postgresql":
        pytest.skip("SQLite has no TRUNCATE")
    with pytest.raises(IntegrityError, match="can't be changed or deleted"):
        run("TRUNCATE commands_auditevent")
    assert AuditEvent.objects.count() == 1


def test_audit_event_is_not_changed_by_the_api(event):
    event.actor = "eve"
    for change in (
        event.save,
        event.delete,
        AuditEvent.objects.all().delete,
        lambda: AuditEvent.objects.update(actor="eve"),
        lambda: AuditEvent.objects.bulk_update([event], ["actor"]),
    ):
        with pytest.raises(AppendOnlyError):
            change()


def test_audit_events_are_not_changed_by_the_base_manager(event):
    with pytest.raises(IntegrityError), transaction.atomic():
        AuditEvent._base_manager.filter(pk=event.pk).update(actor="eve")


def make_verb() -> Verb:
    return Verb.objects.create(name="list", argv=["/bin/true"])


CHANGES = {
    "verb": lambda: make_verb(),
    "signature": lambda: Signature.objects.create(verb=Verb.objects.get()),
    "parameter": lambda: Parameter.objects.create(signature=Signature.objects.get(), name="x"),
    "rule": lambda: Rule.objects.create(everyone=True, verb=Verb.objects.get()),
    "action verb": lambda: ActionVerb.objects.create(name="ADD"),
    "membership": lambda: User.objects.get().groups.add(Group.objects.get()),
    "verb, by update()": lambda: Verb.objects.update(enabled=False),
    "signature, by update()": lambda: Signature.objects.update(position=1),
    "parameter, by update()": lambda: Parameter.objects.update(optional=True),
    "rule, by update()": lambda: Rule.objects.update(effect="deny"),
    "action verb, by update()": lambda: ActionVerb.objects.update(name="SET"),
    "activity of a user": lambda: User.objects.update(is_active=False),
    "name of a user": lambda: User.objects.update(username="bob"),
    "membership removed": lambda: User.objects.get().groups.clear(),
    "membership, by SQL": lambda: run(
        "INSERT INTO auth_user_groups (user_id, group_id) SELECT u.id, g.id FROM auth_user u, auth_group g"
    ),
    "membership removed, by SQL": lambda: run("DELETE FROM auth_user_groups"),
    "rule removed, by SQL": lambda: run("DELETE FROM commands_rule"),
    "parameter removed": lambda: Parameter.objects.all().delete(),
    "signature removed": lambda: Signature.objects.all().delete(),
    "action verb removed": lambda: ActionVerb.objects.all().delete(),
    "verb removed": lambda: Verb.objects.all().delete(),
    "user removed": lambda: User.objects.all().delete(),
}


def test_every_change_of_the_map_counts_the_revision_up():
    User.objects.create_user("ann")
    Group.objects.create(name="staff")
    for name, change in CHANGES.items():
        before = revision()
        change()
        assert revision() > before, name


@pytest.mark.parametrize("word", ["OR IGNORE", "OR REPLACE"])
def test_conflict_words_of_sqlite_do_not_keep_the_revision_from_counting(word):
    if connection.vendor != "sqlite":
        pytest.skip("only SQLite has them")
    user = User.objects.create_user("ann")
    before = revision()
    run(f"INSERT {word} INTO commands_actionverb (name) VALUES ('ADD')")
    assert revision() == before + 1
    columns = "id, password, is_superuser, username, last_name, email, is_staff, is_active, date_joined, first_name"
    row = f"{user.pk + (word == 'OR IGNORE')}, '', 0, 'name', '', '', 0, 0, '2030-01-01', ''"
    run(f"INSERT {word} INTO auth_user ({columns}) VALUES ({row})")
    assert revision() == before + 2


def test_login_does_not_count_the_revision_up():
    user = User.objects.create_user("ann")
    before = revision()
    user.last_login = timezone.now()
    user.save(update_fields=["last_login"])
    User.objects.update(last_login=timezone.now(), password="x")
    assert revision() == before


def test_new_user_does_not_count_the_revision_up():
    if connection.vendor == "sqlite":
        pytest.skip("SQLite's REPLACE is an INSERT")
    before = revision()
    User.objects.create_user("ann")
    assert revision() == before


def test_rolled_back_change_does_not_count():
    before = revision()
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        make_verb()
        raise ZeroDivisionError
    assert revision() == before


def test_missing_revision_row_is_made_by_the_next_change():
    MapRevision.objects.all().delete()
    make_verb()
    assert revision() == 1


def test_installing_again_changes_nothing_but_the_revision():
    before = revision()
    triggers.install(connection)
    triggers.install(connection)
    assert revision() == before + 2
    make_verb()
    assert revision() == before + 3


def test_without_the_revision_table_users_can_still_be_changed():
    run("DROP TABLE commands_maprevision")  # as `migrate commands zero` does
    triggers.install(connection)
    User.objects.create_user("ann")


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("model", [Verb, AuditEvent, User])
def test_migrate_makes_the_triggers_that_a_table_made_anew_has_lost(model):
    if connection.vendor != "sqlite":
        pytest.skip("only SQLite makes tables anew")
    names = triggers.names("sqlite")
    with connection.schema_editor() as editor:
        editor._remake_table(model)
    assert installed() < names
    call_command("migrate", verbosity=0)
    assert installed() == names


def installed() -> set[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'")
        return {name for (name,) in cursor.fetchall()}


@pytest.mark.django_db(transaction=True)
def test_flush_of_a_test_leaves_triggers_and_revision():
    AuditEvent.objects.create(at=timezone.now(), kind="login", outcome="ok", node="n")
    assert revision() >= 1


@pytest.mark.django_db(transaction=True)
def test_flush_outside_of_tests_is_refused(event):
    with pytest.raises(CommandError, match="couldn't be flushed"):
        call_command("flush", interactive=False, verbosity=0)
    assert AuditEvent.objects.count() == 1
