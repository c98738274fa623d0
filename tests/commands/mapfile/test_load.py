"""A load changes what differs and nothing else, and leaves one version of each row in the history."""

import pytest
from django.contrib.auth.models import Group, User

from commands.mapfile.load import MapFileError, difference, dump, load
from commands.models import Lock, MapRevision, Rule, Tag, Verb

pytestmark = [pytest.mark.django_db, pytest.mark.history]

MAP = """\
version = 1
action_verbs = ["ADD"]

[tags]
lists = "Lists"

[[verb]]
name = "blacklist"
argv = ["/bin/echo", "{*}"]
tags = ["lists"]
signatures = [
    ["add", { name = "address", type = "email" }],
    ["list"],
]

[[verb]]
name = "calendar"
argv = ["/bin/cat"]

[[rule]]
effect = "allow"
group = "staff"
tag = "lists"
reason = "their work"

[[rule]]
effect = "allow"
user = "ann"
verb = "calendar"
reason = "hers"
"""


@pytest.fixture(autouse=True)
def loaded() -> None:
    User.objects.create_user("ann")
    Group.objects.create(name="staff")
    load(MAP, "first")


def lines(text: str) -> list[str]:
    return [line for change in difference(text) for line in change.lines()]


def test_all_of_it_is_in_the_database() -> None:
    verb = Verb.objects.get(name="blacklist")
    assert [str(signature) for signature in verb.signatures.all()] == ["add ADDRESS", "list"]
    assert [tag.name for tag in verb.tags.all()] == ["lists"]
    assert sorted(map(str, Rule.objects.all())) == ["allow group staff: verbs tagged lists", "allow user ann: calendar"]


def test_what_is_as_it_was_is_not_touched() -> None:
    revision, versions = MapRevision.objects.get().number, Verb.history.count()
    assert load(MAP) == []
    assert MapRevision.objects.get().number == revision
    assert Verb.history.count() == versions


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ('"ADD"', '"ADD", "SET"', ["+ action verb SET"]),
        ('lists = "Lists"', 'lists = "More"', ['~ tag lists: description: "Lists" → "More"']),
        ('argv = ["/bin/cat"]', 'argv = ["/bin/dog"]', ['~ verb calendar: argv: ["/bin/cat"] → ["/bin/dog"]']),
        ('["/bin/cat"]\n', '["/bin/cat"]\ntime_limit = 60\n', ["~ verb calendar: time_limit: 30 → 60"]),
        ('    ["list"],\n', '    ["show"],\n', [
            '~ verb blacklist: signature - ["list"]',
            '~ verb blacklist: signature + ["show"]',
        ]),
        ('tags = ["lists"]\n', "", ['~ verb blacklist: tags: ["lists"] → nothing']),
        ('reason = "hers"', 'reason = "ours"', ['~ rule allow user ann: calendar: reason: "hers" → "ours"']),
        ('group = "staff"', "everyone = true", [
            "- rule allow group staff: verbs tagged lists",
            '+ rule allow everyone: verbs tagged lists: reason: "their work"',
        ]),
        (
            '\n[[rule]]\neffect = "allow"\nuser = "ann"\nverb = "calendar"\nreason = "hers"\n',
            "",
            ["- rule allow user ann: calendar"],
        ),
        ('name = "calendar"', 'name = "diary"', [
            "- verb calendar",
            '+ verb diary: argv: ["/bin/cat"]',
            "- rule allow user ann: calendar",
            '+ rule allow user ann: diary: reason: "hers"',
        ]),
    ],
)  # fmt: skip
def test_difference_is_told_line_by_line_and_then_loaded(old: str, new: str, expected: list[str]) -> None:
    text = MAP.replace(old, new)
    text = text.replace('verb = "calendar"', 'verb = "diary"') if "diary" in new else text
    assert lines(text) == expected
    load(text)
    assert lines(text) == []
    assert lines(dump()) == []


def test_order_of_signatures_matters() -> None:
    text = MAP.replace('    ["list"],\n', "").replace('    ["add"', '    ["list"],\n    ["add"')
    assert lines(text) == ["~ verb blacklist: signature order changed"]
    load(text)
    assert [str(each) for each in Verb.objects.get(name="blacklist").signatures.all()] == ["list", "add ADDRESS"]


def test_order_in_the_file_does_not_matter() -> None:
    head, *parts = MAP.split("\n[[")
    assert lines("\n[[".join([head, *parts[::-1]])) == []


def test_verbs_and_rules_that_stay_keep_their_keys() -> None:
    rows = {model: set(model.objects.values_list("pk", flat=True)) for model in (Verb, Rule, Tag)}
    load(MAP.replace('["/bin/cat"]', '["/bin/dog"]').replace('reason = "hers"', 'reason = "ours"'))
    assert {model: set(model.objects.values_list("pk", flat=True)) for model in (Verb, Rule, Tag)} == rows


def test_two_rules_that_are_the_same_stay_two() -> None:
    rule = MAP[MAP.rindex("[[rule]]") :]
    load(f"{MAP}\n{rule}")
    assert Rule.objects.filter(user__username="ann").count() == 2
    assert dump().count('user = "ann"') == 2


def test_each_change_is_one_version_with_its_reason() -> None:
    load(MAP.replace('    ["list"],\n', "").replace('tags = ["lists"]\n', ""), "simpler")
    versions = Verb.history.filter(name="blacklist").order_by("history_id")
    assert [(each.history_type, each.history_change_reason) for each in versions] == [("+", "first"), ("~", "simpler")]
    first, second = versions
    assert first.signatures == [["add", {"name": "address", "type": "email"}], ["list"]]
    assert second.signatures == [["add", {"name": "address", "type": "email"}]]
    assert (first.tags.count(), second.tags.count()) == (1, 0)


def test_verb_that_goes_leaves_a_complete_version() -> None:
    load("version = 1\n", "all away")
    version = Verb.history.filter(name="blacklist").first()
    assert (version.history_type, version.history_change_reason) == ("-", "all away")
    assert (len(version.signatures), version.tags.count()) == (2, 1)
    assert Rule.history.filter(history_type="-").count() == 2


def test_rule_that_stays_is_validated_again_where_its_verb_changes() -> None:
    text = MAP.replace('tag = "lists"', 'verb = "blacklist"\narguments = { address = ".*" }')
    load(text)
    with pytest.raises(MapFileError, match="blacklist has no parameter 'address'"):
        load(text.replace('name = "address"', 'name = "sender"'))
    assert Verb.objects.get(name="blacklist").signatures.first().parameters.last().name == "address"


def test_locks_stay() -> None:
    Lock.objects.create(user=User.objects.get(), reason="lost phone")
    load(MAP.replace('["/bin/cat"]', '["/bin/dog"]'))
    assert Lock.objects.count() == 1
    assert "lost phone" not in dump()


def test_value_in_another_form_is_the_same_rule() -> None:
    given = MAP.replace('verb = "calendar"', 'verb = "calendar"\nnetworks = "10.1.2.3/8"\nweekdays = "sun mon"')
    assert load(given)
    assert load(given) == []
