"""Mail that is sent on, by a real Pigeonhole."""

import pytest

from tests.commands.programs.sieve_user import DONE, OWN, make_message
from tests.support.pigeonhole import QUOTA


def test_mail_is_sent_on_and_a_copy_kept_until_off(user):
    assert user.arrive("before") == []
    assert user.forward("set", "bob@example.com", "cora@example.com") == DONE
    assert user.arrive("during") == ["bob@example.com", "cora@example.com"]
    assert user.forward("off") == DONE
    assert user.arrive("after") == []
    assert user.kept() == {"INBOX": ["before", "during", "after"]}
    assert user.scripts() == ({}, None)


def test_without_a_copy_nothing_is_kept(user):
    user.forward("set", "bob@example.com")
    assert user.forward("copy", "off") == DONE
    assert user.arrive("one") == ["bob@example.com"]
    assert user.kept() == {}
    assert user.forward("copy", "on") == DONE
    assert user.arrive("two") == ["bob@example.com"]
    assert user.kept() == {"INBOX": ["two"]}


def test_show_says_what_is_set(user):
    assert user.forward("show") == (0, b"off\n", b"")
    user.forward("set", "bob@example.com", "Cora@example.com")
    assert user.forward("show")[1] == b"forward to bob@example.com\nforward to Cora@example.com\ncopy on\n"
    user.forward("copy", "off")
    assert user.forward("show")[1].endswith(b"copy off\n")
    user.forward("off")
    assert user.forward("show") == (0, b"off\n", b"")


def test_new_addresses_take_the_place_of_the_old_and_leave_the_copy_as_it_was(user):
    user.forward("set", "bob@example.com")
    user.forward("copy", "off")
    user.forward("set", "cora@example.com", "CORA@example.com")
    assert user.forward("show")[1] == b"forward to cora@example.com\ncopy off\n"
    assert user.arrive("one") == ["cora@example.com"]


def test_the_users_own_script_goes_on_working_and_comes_back_unchanged(user):
    user.write("my rules", OWN)
    user.forward("set", "bob@example.com")
    assert user.arrive("a list") == ["bob@example.com"]
    assert user.arrive("a letter") == ["bob@example.com"]
    assert user.kept() == {"INBOX": ["a letter"], "Lists": ["a list"]}
    scripts, active = user.scripts()
    assert (scripts["my rules"], active) == (OWN, "imapx")
    user.forward("off")
    assert user.scripts() == ({"my rules": OWN}, "my rules")
    assert user.arrive("list 2") == []
    assert user.kept()["Lists"] == ["a list", "list 2"]


def test_without_a_copy_the_users_own_script_is_not_run_and_show_says_so(user):
    user.write("rules", OWN)
    user.forward("set", "bob@example.com")
    user.forward("copy", "off")
    assert user.arrive("a list") == ["bob@example.com"]
    assert user.kept() == {}
    assert b'your own script "rules" is not run\n' in user.forward("show")[1]


def test_change_of_the_users_own_script_counts_while_it_is_on(user):
    user.write("rules", OWN)
    user.forward("set", "bob@example.com")
    user.write("rules", OWN.replace("Lists", "Other"), active=False)
    user.arrive("a list")
    assert user.kept() == {"Other": ["a list"]}


def test_own_script_that_the_user_deletes_does_not_stop_the_forwarding(user):
    user.write("rules", OWN)
    user.forward("set", "bob@example.com")
    user.edit("delete_script", "rules")
    assert user.arrive("a list") == ["bob@example.com"]
    assert user.kept() == {"INBOX": ["a list"]}
    assert user.forward("off") == DONE
    assert user.scripts() == ({}, None)


def test_script_that_the_user_makes_active_meanwhile_is_the_own_one_from_then_on(user):
    user.write("rules", OWN)
    user.forward("set", "bob@example.com")
    other = OWN.replace("Lists", "Other")
    user.write("other", other)
    assert user.forward("show")[1] == b"off\n"
    assert user.arrive("list 1") == []
    assert user.forward("set", "cora@example.com") == DONE
    assert user.arrive("list 2") == ["cora@example.com"]
    assert user.kept() == {"Other": ["list 1", "list 2"]}
    user.forward("off")
    assert user.scripts() == ({"rules": OWN, "other": other}, "other")


@pytest.mark.parametrize("name", ['a "quoted" \\name', "größe", "x;stop;", "%s ${y}"])
def test_own_script_may_have_any_name(user, name):
    user.write(name, OWN)
    assert user.forward("set", "bob@example.com") == DONE
    assert user.arrive("a list") == ["bob@example.com"]
    assert user.kept() == {"Lists": ["a list"]}
    assert user.forward("off") == DONE
    assert user.scripts() == ({name: OWN}, name)


@pytest.mark.parametrize("address", ["{user}@example.org", "{upper}@Example.ORG", "{user}+x@example.org"])
def test_mail_is_never_sent_on_to_oneself(user, address):
    own = address.format(user=user.user, upper=user.user.upper())
    status, output, errors = user.forward("set", "bob@example.com", own)
    assert (status, errors) == (1, b"")
    assert output == f"{own} is your own address: mail would go in a circle\n".encode()
    assert user.scripts() == ({}, None)


def test_mail_that_comes_back_is_kept_and_not_sent_on_again(user):
    user.forward("set", "alias@example.com")
    user.forward("copy", "off")
    [sent] = user.pigeonhole.arrive(user.user, make_message("one", f"{user.user}@example.org"))
    assert user.pigeonhole.arrive(user.user, bytes(sent.message)) == []
    assert user.kept() == {"INBOX": ["one"]}


@pytest.mark.parametrize(
    "text",
    [b"bob", b"-bob@example.com", b'b"@example.com', b'x@y"; stop; #', b"a@b\r\nstop;", b"b\xff@example.com", b""],
)
def test_what_is_no_plain_address_is_status_65_and_changes_nothing(user, text):
    user.forward("set", "bob@example.com")
    before = user.scripts()
    status, output, errors = user.forward("set", text)
    assert (status, errors) == (65, b"")
    assert output.startswith(b"not an e-mail address: ") and output.count(b"\n") == 1
    assert user.scripts() == before


def test_more_addresses_than_the_server_sends_to_are_refused(user):
    status, output, _ = user.forward("set", *[f"bob{number}@example.com" for number in range(5)])
    assert (status, output) == (1, b"the mail server forwards to at most 4 addresses\n")


@pytest.mark.parametrize("arguments", [(), ("set",), ("copy",), ("copy", "maybe"), ("off", "now"), ("SHOW",)])
def test_wrong_usage_is_status_64(user, arguments):
    usage = b"forward: usage: show | set ADDRESS... | copy (on|off) | off\n"
    assert user.forward(*arguments) == (64, b"", usage)


def test_copy_needs_an_address_first(user):
    assert user.forward("copy", "off") == (1, b"nothing is forwarded: set ADDRESS first\n", b"")


def test_off_twice_is_done(user):
    assert user.forward("off") == user.forward("off") == DONE


def test_script_that_was_changed_by_hand_is_not_replaced_and_off_sets_it_aside(user):
    user.forward("set", "bob@example.com")
    changed = user.scripts()[0]["imapx-forward"] + 'redirect "cora@example.com";\r\n'
    user.write("imapx-forward", changed, active=False)
    for arguments in (("show",), ("set", "dan@example.com"), ("copy", "off")):
        status, output, errors = user.forward(*arguments)
        assert (status, errors) == (1, b"")
        assert output.startswith(b'the script "imapx-forward" was changed by hand')
    assert user.arrive("one") == ["bob@example.com", "cora@example.com"]
    said = b'the script that was changed by hand is now "imapx-forward-changed"\n'
    assert user.forward("off") == (0, said, b"")
    assert user.scripts() == ({"imapx-forward-changed": changed}, None)
    assert user.forward("set", "dan@example.com") == DONE


def test_line_ends_that_an_editor_changed_are_no_change(user):
    user.forward("set", "bob@example.com")
    script = user.scripts()[0]["imapx-forward"]
    user.write("imapx-forward", script.replace("\r\n", "\n"), active=False)
    assert user.forward("copy", "off") == DONE


def test_active_script_that_was_changed_by_hand_becomes_the_own_one_by_another_name(user):
    user.forward("set", "bob@example.com")
    changed = user.scripts()[0]["imapx"] + "# mine\r\n"
    user.write("imapx", changed)
    status, output, _ = user.forward("off")
    assert (status, output[:28]) == (1, b'the active script "imapx" wa')
    assert user.scripts()[0]["imapx"] == changed
    user.edit("rename_script", "imapx", "mine")
    assert user.forward("set", "cora@example.com")[0] == 1  # it includes imapx-forward
    assert user.forward("off") == DONE
    assert user.scripts() == ({"mine": changed}, "mine")


def test_script_of_another_origin_with_our_name_is_not_replaced(user):
    user.write("imapx", OWN, active=False)
    status, output, _ = user.forward("set", "bob@example.com")
    assert (status, output) == (1, b'there is a script "imapx" of another origin: rename or delete it\n')
    assert user.scripts()[0]["imapx"] == OWN
    assert user.scripts()[1] is None


def test_full_quota_is_told_in_the_servers_words_and_changes_nothing(user):
    user.write("rules", OWN + "#" * (QUOTA - len(OWN) - 100))
    before = user.scripts()
    status, output, errors = user.forward("set", "bob@example.com")
    assert (status, errors) == (1, b"")
    assert output.startswith(b"the mail server refuses: there is no space left: ") and output.count(b"\n") == 1
    assert user.scripts() == before


def test_part_that_was_made_active_by_hand_is_on_and_can_be_switched_off(user):
    user.forward("set", "bob@example.com")
    user.vacation("on", "Away.")
    user.edit("set_active", "imapx-forward")
    assert user.forward("show")[1].startswith(b"forward to bob@example.com\n")
    assert user.vacation("show")[1].startswith(b"off\n")
    assert user.forward("copy", "off") == DONE
    assert user.arrive("one") == ["bob@example.com"]
    assert user.forward("off") == DONE
    assert user.scripts()[1] is None
    assert user.arrive("two") == []


def test_scripts_that_others_made_stay_whatever_is_switched(user):
    user.write("rules", OWN)
    user.write("other", "keep;", active=False)
    user.forward("set", "bob@example.com")
    user.vacation("on", "Away.")
    user.forward("off")
    user.vacation("off")
    scripts, active = user.scripts()
    assert (scripts["rules"], scripts["other"], active) == (OWN, "keep;", "rules")


def test_script_of_the_users_that_includes_others_goes_on_working(user):
    user.write("lists", OWN, active=False)
    user.write("all", 'require "include";\r\ninclude :personal "lists";\r\n')
    user.forward("set", "bob@example.com")
    assert user.arrive("a list") == ["bob@example.com"]
    assert user.kept() == {"Lists": ["a list"]}
