"""The groups of those who work on the web pages: what each may, and what no other right gives."""

from io import StringIO
from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.core.management import call_command
from django.test import Client

from commands import roles
from commands.models import Verb

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def made(db: None) -> str:
    output = StringIO()
    call_command("roles", stdout=output)
    return output.getvalue()


def client_in(*groups: str) -> Client:
    user = User.objects.create_user("-".join(groups).replace(" ", ""), is_staff=True)
    user.groups.set(Group.objects.filter(name__in=groups))
    assert user.groups.count() == len(groups)
    client = Client()
    client.force_login(user)
    return client


def may(client: Client, rows: dict[str, Any]) -> dict[str, str]:
    """By model: what its pages let one do, of view, add, change, delete."""
    found = {}
    for model in ("commands/verb", "commands/rule", "commands/lock", "commands/execution", "commands/auditevent"):
        page = f"/admin/{model}/"
        deeds = "v" * (client.get(page).status_code == 200) + "a" * (client.get(f"{page}add/").status_code == 200)
        if model in rows:
            # What is asked first is whether one may.
            deeds += "c" * (client.post(f"{page}{rows[model].pk}/change/", {}).status_code == 200)
            deeds += "d" * (client.get(f"{page}{rows[model].pk}/delete/").status_code == 200)
        found[model.partition("/")[2]] = deeds
    return found


@pytest.mark.parametrize(
    ("role", "allowed"),
    [
        ("Auditors", {"verb": "v", "rule": "v", "lock": "v", "execution": "v", "auditevent": "v"}),
        ("Operators", {"verb": "v", "rule": "v", "lock": "va", "execution": "v", "auditevent": ""}),
        ("Rule editors", {"verb": "v", "rule": "vacd", "lock": "v", "execution": "", "auditevent": ""}),
        ("Verb editors", {"verb": "vacd", "rule": "v", "lock": "v", "execution": "", "auditevent": ""}),
    ],
)
def test_role_opens_its_pages_and_no_other(rows: dict[str, Any], role: str, allowed: dict[str, str]) -> None:
    assert may(client_in(role), rows) == allowed


def test_no_role_can_make_itself_more_than_it_is(rows: dict[str, Any]) -> None:
    everybody = client_in(*(role.name for role in roles.ROLES))
    user = rows["auth/user"]
    for address in (f"user/{user.pk}/change/", f"user/{user.pk}/password/", f"group/{rows['auth/group'].pk}/change/"):
        assert everybody.post(f"/admin/auth/{address}", {}).status_code == 403, address
    assert everybody.get("/admin/auth/user/add/").status_code == 403


def test_verb_is_changed_by_who_may_change_verbs_alone(rows: dict[str, Any]) -> None:
    """The rights to its signatures, parameters and tags are none to the verb."""
    verb = rows["commands/verb"]
    clerk = User.objects.create_user("clerk", is_staff=True)
    others = ("signature", "parameter", "tag", "actionverb", "rule")
    codes = [f"{deed}_{model}" for deed in ("view", "add", "change", "delete") for model in others]
    clerk.user_permissions.set(Permission.objects.filter(codename__in=[*codes, "view_verb"]))
    client = Client()
    client.force_login(clerk)
    address = f"/admin/commands/verb/{verb.pk}/change/"
    assert client.get(address).status_code == 200
    assert client.post(address, {"name": verb.name, "argv": '["/bin/false"]'}).status_code == 403
    assert Verb.objects.get(pk=verb.pk).argv == verb.argv


def test_hash_of_a_password_is_not_shown_to_who_may_view_users(rows: dict[str, Any]) -> None:
    user = User.objects.create_user("holder", password="words")
    page = client_in("Auditors").get(f"/admin/auth/user/{user.pk}/change/").content.decode()
    assert "holder" in page
    assert user.password.rpartition("$")[2] not in page


def test_roles_are_set_back_and_their_members_kept(made: str) -> None:
    group = Group.objects.get(name="Operators")
    member = User.objects.create_user("member")
    member.groups.add(group)
    before = set(group.permissions.all())
    group.permissions.add(Permission.objects.get(codename="change_verb"))
    group.permissions.remove(Permission.objects.get(codename="add_lock"))
    call_command("roles", stdout=StringIO())
    assert set(group.permissions.all()) == before
    assert list(group.user_set.all()) == [member]
    assert Group.objects.count() == len(roles.ROLES)


def test_command_says_that_a_verb_is_as_good_as_a_shell(made: str) -> None:
    assert "as good as a shell" in made
    assert all(role.name in made for role in roles.ROLES)
