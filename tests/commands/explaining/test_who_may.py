"""Who may run what: of a user, of a verb, of all; as far as it can be said without the arguments."""

import pytest
from django.contrib.auth.models import Group, User
from django.utils import timezone

from commands.explaining import who_may
from commands.explaining.reach import Answer
from commands.models import Lock, Rule
from commands.rulebook.rules import load_rules
from tests.commands.explained import make_rule, make_site, make_verb

NOW = timezone.now()


@pytest.fixture
def site(db):
    return make_site()


def entry(name: str):
    return next(each for each in who_may.verbs() if each.name == name)


def answers(name: str) -> dict[str, str]:
    subject = who_may.subject_of(name)
    cells = who_may.what_may(subject, who_may.verbs(), load_rules(subject), NOW)
    return {cell.verb.name: cell.reach.answer.value for cell in cells}


def users(name: str) -> list[str]:
    return [user.username for user in who_may.users_whom_it_may_serve(entry(name))]


def test_user_gets_each_verb_with_its_answer(site):
    assert answers("ann") == {"calendar": "yes", "passwd": "conditional"}
    assert answers("bob@example.org") == {"calendar": "conditional", "passwd": "no"}
    Lock.objects.create(everything=True, reason="a fire")
    assert answers("ann") == {"calendar": "no", "passwd": "no"}


def test_user_who_is_not_there_or_not_active_is_nobody(site):
    User.objects.create_user("gone", is_active=False)
    assert who_may.subject_of("nobody") is None
    assert who_may.subject_of("gone") is None


def test_verb_that_is_not_enabled_is_not_among_them(site):
    make_verb("off", enabled=False)
    assert [each.name for each in who_may.verbs()] == ["calendar", "passwd"]


def test_users_of_a_verb_are_those_whom_an_allow_may_reach_each_once(site):
    User.objects.create_user("carol")
    second = Group.objects.create(name="second")
    second.user_set.add(site["ann"])
    make_rule(group=second, verb=site["calendar"])
    make_rule(user=site["ann"], verb=site["calendar"])
    assert users("calendar") == ["ann", "bob@example.org"]
    assert users("passwd") == ["ann"]
    make_rule(everyone=True, all_verbs=True)
    assert users("passwd") == ["ann", "bob@example.org", "carol"]


def test_users_who_are_not_active_are_not_among_them(site):
    User.objects.filter(username="ann").update(is_active=False)
    assert users("calendar") == ["bob@example.org"]


def test_many_domains_are_not_asked_for_one_by_one(site):
    Rule.objects.bulk_create(
        Rule(domain=f"example{number}.org", verb=site["passwd"]) for number in range(who_may.DOMAINS)
    )
    assert users("passwd") == ["ann"]
    Rule.objects.create(domain="example.net", verb=site["passwd"])
    assert users("passwd") == ["ann", "bob@example.org"]


def test_groups_domains_and_everyone_are_answered_for_a_user_to_come(site):
    found = {each.text: each.reach.answer for each in who_may.several_whom_it_may_serve(entry("calendar"), NOW)}
    assert found == {"group staff": Answer.YES, "domain example.org": Answer.CONDITIONAL}
    make_rule("deny", everyone=True, all_verbs=True)
    found = {each.text: each.reach.answer for each in who_may.several_whom_it_may_serve(entry("calendar"), NOW)}
    assert found == dict.fromkeys(["group staff", "domain example.org", "everyone"], Answer.NO)


def test_table_has_a_row_for_each_active_user_in_few_queries(site, django_assert_max_num_queries):
    User.objects.bulk_create(User(username=f"user{number:03}") for number in range(100))
    verbs = who_may.verbs()
    with django_assert_max_num_queries(8):
        rows = {
            subject.username: [cell.reach.answer.value for cell in cells]
            for subject, cells in who_may.table(who_may.active_users(), verbs, NOW)
        }
    assert len(rows) == 102
    assert rows["ann"] == ["yes", "conditional"]
    assert rows["bob@example.org"] == ["conditional", "no"]
    assert rows["user007"] == ["no", "no"]


def test_long_table_is_read_in_parts(site, monkeypatch):
    monkeypatch.setattr(who_may, "AT_ONCE", 1)
    assert [subject.username for subject, _ in who_may.table(who_may.active_users(), [], NOW)] == [
        "ann",
        "bob@example.org",
    ]
