"""The history of verbs, rules and locks on their pages: one version for each change, and the way back to each."""

from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from commands.models import Parameter, Rule, Tag, Verb
from tests.commands.admin.conftest import make_verb
from tests.commands.admin.test_verb import ADD, formset, parameter, verb_form

pytestmark = pytest.mark.history

VERB = "/admin/commands/verb"


def signature(prefix: str, *parameters: dict[str, Any]) -> dict[str, Any]:
    form = formset(f"{prefix}-parameters", len(parameters)) | {f"{prefix}-position": 0}
    for number, fields in enumerate(parameters):
        form |= parameter(f"{prefix}-parameters-{number}", **fields)
    return form


def add_greet(client: Client) -> Verb:
    tag = Tag.objects.create(name="talk")
    fields = {"name": "who", "type": "text"}
    form = verb_form(tags=[tag.pk], **formset("signatures", 1), **signature("signatures-0", fields))
    assert client.post(ADD, form).status_code == 302
    return Verb.objects.get(name="greet")


def change_of(verb: Verb, **fields: Any) -> dict[str, Any]:
    """What the page of a verb with one signature of one parameter sends."""
    row = verb.signatures.get()
    return (
        verb_form(
            tags=[tag.pk for tag in verb.tags.all()],
            **formset("signatures", 1, 1),
            **{"signatures-0-id": row.pk, "signatures-0-verb": verb.pk, "signatures-0-position": 0},
            **formset("signatures-0-parameters", 1, 1),
            **parameter("signatures-0-parameters-0", id=row.parameters.get().pk, signature=row.pk, name="who"),
        )
        | fields
    )


def kinds(verb: Verb) -> list[str]:
    return [version.history_type for version in Verb.history.filter(id=verb.pk).order_by("history_id")]


def test_verb_that_is_added_has_one_complete_version(admin_client: Client) -> None:
    version = Verb.history.get(name=add_greet(admin_client).name)
    assert version.history_type == "+"
    assert version.history_user.username == "admin"
    assert version.signatures == [[{"name": "who", "type": "text"}]]
    assert version.tags.count() == 1


def test_verb_that_is_changed_has_one_more_version(admin_client: Client) -> None:
    verb = add_greet(admin_client)
    form = change_of(verb, description="Says hello.", **{"signatures-0-parameters-0-optional": "on"}) | {"tags": []}
    assert admin_client.post(f"{VERB}/{verb.pk}/change/", form).status_code == 302
    assert kinds(verb) == ["+", "~"]
    version = Verb.history.first()
    assert version.description == "Says hello."
    assert version.signatures == [[{"name": "who", "type": "text", "optional": True}]]
    assert version.tags.count() == 0


def test_signature_that_alone_is_changed_is_a_version(admin_client: Client) -> None:
    verb = add_greet(admin_client)
    form = change_of(verb, **{"signatures-0-parameters-0-max_length": 80})
    assert admin_client.post(f"{VERB}/{verb.pk}/change/", form).status_code == 302
    page = admin_client.get(f"{VERB}/{verb.pk}/history/").content.decode()
    assert kinds(verb) == ["+", "~"]
    assert "max_length = 80" in page


def test_saving_what_is_there_is_no_version(admin_client: Client) -> None:
    verb = add_greet(admin_client)
    assert admin_client.post(f"{VERB}/{verb.pk}/change/", change_of(verb)).status_code == 302
    assert kinds(verb) == ["+"]


def test_page_tells_who_why_before_and_after(admin_client: Client, rows: dict[str, Any]) -> None:
    verb = rows["commands/verb"]
    verb.time_limit, verb._change_reason = 60, "slow disks"
    verb._history_user = User.objects.get(username="demo")
    verb.save()
    page = admin_client.get(f"{VERB}/{verb.pk}/history/").content.decode()
    assert "time_limit: 30 → 60" in page
    assert "by demo" in page
    assert "slow disks" in page


def revert(client: Client, model: str, version: Any) -> Any:
    return client.post(f"/admin/commands/{model}/{version.id}/revert/{version.history_id}/", follow=True)


def test_verb_is_reverted_with_tags_and_signatures_as_a_change_of_its_own(admin_client: Client) -> None:
    verb = add_greet(admin_client)
    first = Verb.history.get()
    verb.signatures.all().delete()
    verb.tags.clear()
    verb.argv = ["/bin/false"]
    verb.save()
    assert "is as it was" in revert(admin_client, "verb", first).content.decode()
    verb.refresh_from_db()
    assert verb.argv == ["/bin/echo", "{*}"]
    assert [str(row) for row in verb.signatures.all()] == ["WHO"]
    assert [tag.name for tag in verb.tags.all()] == ["talk"]
    newest = Verb.history.first()
    assert newest.history_change_reason.startswith("reverted to the version of 20")
    assert newest.history_user.username == "admin"
    assert newest.signatures == first.signatures


def test_verb_that_was_deleted_is_restored_under_its_key(admin_client: Client) -> None:
    verb = add_greet(admin_client)
    admin_client.post(f"{VERB}/{verb.pk}/delete/", {"post": "yes"})
    assert not Verb.objects.exists()
    page = admin_client.get(f"{VERB}/changes/").content.decode()
    deleted = Verb.history.first()
    assert deleted.history_type == "-"
    assert f"{VERB}/{verb.pk}/revert/{deleted.history_id}/" in page
    revert(admin_client, "verb", deleted)
    again = Verb.objects.get()
    assert (again.pk, again.name) == (verb.pk, "greet")
    assert [str(row) for row in again.signatures.all()] == ["WHO"]
    assert [tag.name for tag in again.tags.all()] == ["talk"]
    assert kinds(verb) == ["+", "-", "+"]


def test_version_that_is_not_valid_any_more_is_refused(admin_client: Client) -> None:
    verb = make_verb("dial")
    first = Verb.history.get()
    verb.name = "call"
    verb.save()
    make_verb("dial")
    page = revert(admin_client, "verb", first).content.decode()
    assert "It can&#x27;t be as it was: name: Verb with this Name already exists." in page
    verb.refresh_from_db()
    assert verb.name == "call"


def test_version_whose_parameters_a_rule_speaks_of_is_refused(admin_client: Client) -> None:
    verb = make_verb("dial", (Parameter(name="old", type="text"),))
    verb.add_version(is_new=False)
    first = Verb.history.first()
    verb.signatures.get().parameters.update(name="new")
    verb.add_version(is_new=False)
    Rule.objects.create(effect="deny", everyone=True, verb=verb, reason="no", arguments={"new": "1.*"})
    assert "has no parameter" in revert(admin_client, "verb", first).content.decode()
    assert verb.signatures.get().parameters.get().name == "new"


def test_rule_is_reverted_and_restored(admin_client: Client, rows: dict[str, Any]) -> None:
    rule = rows["commands/rule"]
    Rule.objects.filter(pk=rule.pk).update(reason="theirs")
    rule.refresh_from_db()
    rule.save()
    first = Rule.history.filter(id=rule.pk).first()
    rule.effect = "deny"
    rule.save()
    page = admin_client.get(f"/admin/commands/rule/{rule.pk}/history/").content.decode()
    assert "allow" in page
    revert(admin_client, "rule", first)
    rule.refresh_from_db()
    assert rule.effect == "allow"
    rule.delete()
    revert(admin_client, "rule", Rule.history.filter(id=first.id).first())
    assert Rule.objects.get(pk=first.id).effect == "allow"


def clerk(client: Client, *codenames: str) -> Client:
    user = User.objects.create_user("clerk", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=codenames))
    client.force_login(user)
    return client


@pytest.mark.parametrize(
    ("codename", "sees", "reverts"), [("view_verb", 200, 403), ("change_verb", 200, 200), ("view_rule", 403, 403)]
)
def test_who_may_change_reverts_and_who_may_view_sees(
    client: Client, db: None, codename: str, sees: int, reverts: int
) -> None:
    verb = make_verb("dial")
    first = Verb.history.get()
    verb.time_limit = 60
    verb.save()
    client = clerk(client, codename)
    for page in (f"{VERB}/{verb.pk}/history/", f"{VERB}/changes/"):
        response = client.get(page)
        assert response.status_code == sees
        assert ("Revert to this" in response.content.decode()) is (reverts == 200)
    assert revert(client, "verb", first).status_code == reverts
    verb.refresh_from_db()
    assert verb.time_limit == (30 if reverts == 200 else 60)


def test_restoring_takes_the_right_to_add(client: Client, db: None) -> None:
    make_verb("dial").delete()
    client = clerk(client, "change_verb", "view_verb")
    assert revert(client, "verb", Verb.history.first()).status_code == 403


def test_reverting_takes_a_post_and_a_version_of_the_same_thing(admin_client: Client, db: None) -> None:
    verb, other = make_verb("dial"), make_verb("call")
    version = Verb.history.get(name="dial")
    assert admin_client.get(f"{VERB}/{verb.pk}/revert/{version.history_id}/").status_code == 405
    assert admin_client.post(f"{VERB}/{other.pk}/revert/{version.history_id}/").status_code == 404
    assert admin_client.post(f"{VERB}/x/revert/{version.history_id}/").status_code == 404


def test_change_before_the_history_began_says_so(admin_client: Client, db: None) -> None:
    verb = make_verb("dial")
    Verb.history.all().delete()
    verb.time_limit = 60
    verb.save()
    assert "No version before this one" in admin_client.get(f"{VERB}/{verb.pk}/history/").content.decode()


def test_page_of_versions_takes_as_many_queries_for_one_as_for_twenty(
    admin_client: Client, rows: dict[str, Any]
) -> None:
    verb, rule = rows["commands/verb"], rows["commands/rule"]
    verb.tags.add(Tag.objects.create(name="lists"))
    pages = ("verb/changes", f"verb/{verb.pk}/history", "rule/changes", f"rule/{rule.pk}/history")

    def queries_after(changes: int) -> list[int]:
        for number in range(changes):
            for row in (verb, rule):
                row._change_reason = str(number)
                row.save()
        counts = []
        for page in pages:
            with CaptureQueriesContext(connection) as queries:
                assert "CHANGED" in admin_client.get(f"/admin/commands/{page}/").content.decode().upper()
            counts.append(len(queries))
        return counts

    assert queries_after(1) == queries_after(19)


def test_rule_whose_user_is_gone_is_shown_and_not_restored(admin_client: Client, rows: dict[str, Any]) -> None:
    rule = rows["commands/rule"]
    rule.save()
    key, version = rule.pk, Rule.history.filter(id=rule.pk).earliest().history_id
    rows["auth/user"].delete()
    page = admin_client.get(f"/admin/commands/rule/{key}/history/").content.decode()
    assert "(deleted: " in page
    response = admin_client.post(f"/admin/commands/rule/{key}/revert/{version}/", follow=True)
    assert "It can&#x27;t be as it was" in response.content.decode()
    assert not Rule.objects.filter(pk=key).exists()


def test_who_may_not_see_a_history_does_not_learn_which_versions_there_are(
    client: Client, rows: dict[str, Any]
) -> None:
    client.force_login(User.objects.create_user("clerk", is_staff=True))
    version = Verb.history.latest().history_id
    for number in (version, version + 1000):
        assert client.post(f"{VERB}/{rows['commands/verb'].pk}/revert/{number}/").status_code == 403
