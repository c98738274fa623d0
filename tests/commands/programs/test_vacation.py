"""Replies while a user is away, by a real Pigeonhole."""

from datetime import date, timedelta

import pytest

from tests.commands.programs.sieve_user import DONE, OWN, make_message


def day(offset: int) -> str:
    return (date.today() + timedelta(days=offset)).isoformat()


def reply_to(user, subject="hello", sender="joe@example.net", to=""):
    """The reply's message, or None."""
    message = make_message(subject, to or f"{user.user}@example.org")
    sent = user.pigeonhole.arrive(user.user, message, sender)
    assert len(sent) <= 1
    if not sent:
        return None
    assert sent[0].recipient == sender
    return sent[0].message


def test_senders_are_told_once_until_off_and_mail_is_kept(user):
    assert user.vacation("on", "I am away.") == DONE
    reply = reply_to(user)
    assert reply["To"] == "joe@example.net"
    assert reply.get_content().strip() == "I am away."
    assert reply_to(user, "again") is None
    assert reply_to(user, sender="cora@example.net") is not None
    assert user.vacation("off") == DONE
    assert reply_to(user, sender="dan@example.net") is None
    assert user.kept() == {"INBOX": ["hello", "again", "hello", "hello"]}
    assert user.scripts()[1] is None


def test_subject_days_and_dates_are_as_they_were_given(user):
    words = ("from", day(-1), "until", day(1), "subject", 'Grüße, "away"', "days", "3", "address", "u@example.com")
    assert user.vacation("on", "Back soon.", *words) == DONE
    shown = f'on\nfrom {day(-1)}\nuntil {day(1)}\nsubject Grüße, "away"\ndays 3\naddress u@example.com\n\nBack soon.\n'
    assert user.vacation("show") == (0, shown.encode(), b"")
    assert reply_to(user)["Subject"] == 'Grüße, "away"'
    assert reply_to(user, sender="cora@example.net", to="u@example.com") is not None
    assert reply_to(user, sender="dan@example.net", to="list@example.com") is None  # not to the user: RFC 5230 4.5


@pytest.mark.parametrize(("words", "replied"), [
    (("from", day(0)), True),
    (("from", "today", "until", "tomorrow"), True),
    (("from", day(2)), False),
    (("until", day(1)), True),
    (("from", day(2), "until", day(4)), False),
])  # fmt: skip
def test_replies_go_out_on_the_days_named_alone(user, words, replied):
    assert user.vacation("on", "Away.", *words) == DONE
    assert (reply_to(user) is not None) == replied
    assert user.kept() == {"INBOX": ["hello"]}


def test_text_of_many_lines_comes_by_standard_input(user):
    text = "Dear sender,\r\n\r\n.\r\n..two dots\r\nI am äway:\ttill Monday\r\n"
    assert user.vacation("on", given=text.encode()) == DONE
    assert reply_to(user).get_content().rstrip("\n") == text.replace("\r\n", "\n").rstrip("\n")
    assert user.vacation("on", "-", "days", "2", given=b"Other.\n") == DONE
    assert user.vacation("show")[1] == b"on\ndays 2\n\nOther.\n"


def test_off_keeps_all_for_the_next_time_but_the_dates(user):
    user.vacation("on", "Away.", "until", day(1), "subject", "Gone", "days", "3", "address", "u@example.com")
    user.vacation("off")
    assert user.vacation("show")[1].startswith(b"off\nuntil ")
    assert user.vacation("on") == DONE
    assert user.vacation("show")[1] == b"on\nsubject Gone\ndays 3\naddress u@example.com\n\nAway.\n"
    assert user.vacation("on", "subject", "", "address", "", "days", "7") == DONE
    assert user.vacation("show")[1] == b"on\ndays 7\n\nAway.\n"


def test_without_any_text_it_is_refused(user):
    assert user.vacation("on") == (1, b"there is no text to reply with: give one\n", b"")
    assert user.vacation("on", "", given=b"\r\n \r\n")[0] == 1
    assert user.vacation("show") == (0, b"off\n", b"")


HOSTILE = [
    '"; discard; #',
    "text:\n.\n;\r\ndiscard;",
    ".\r\n.\r\n;\r\ndiscard;\r\n#",
    "..\n.",
    "${y} %{y} \\\\ \\\" ${unicode:22}",
    "*/ discard; /*",
]  # fmt: skip


@pytest.mark.parametrize("text", HOSTILE)
def test_text_is_never_sieve(user, text):
    user.write("rules", OWN)  # which has variables on, and y in them
    assert user.vacation("on", given=text.encode()) == DONE
    assert reply_to(user).get_content().rstrip("\n") == text.replace("\r\n", "\n").rstrip("\n")
    assert user.kept() == {"INBOX": ["hello"]}


@pytest.mark.parametrize("subject", ['"; discard; #', "\\", '\\"', "${y}", "text:"])
def test_subject_is_never_sieve(user, subject):
    assert user.vacation("on", "Away.", "subject", subject) == DONE
    assert reply_to(user)["Subject"] == subject
    assert user.kept() == {"INBOX": ["hello"]}


@pytest.mark.parametrize(("arguments", "said"), [
    (("on", "Away.", "from", "2027-02-30"), b"not a date such as 2027-01-31: '2027-02-30'\n"),
    (("on", "Away.", "from", '2027"'), b"not a date such as 2027-01-31: '2027\"'\n"),
    (("on", "Away.", "from", day(3), "until", day(2)), b"it can't end on "),
    (("on", "Away.", "until", "2020-01-01"), b"2020-01-01 is over\n"),
    (("on", "Away.", "days", "0"), b"days are a number from 1 to 365\n"),
    (("on", "Away.", "days", "\u0663"), b"days are a number from 1 to 365\n"),
    (("on", "Away.", "subject", "a\nb"), b"a subject is one line"),
    (("on", "Away.", "subject", b"\xff"), b"a subject is one line"),
    (("on", "Away.", "address", "me"), b"not an e-mail address: 'me'\n"),
    (("on", "Aw\x1bay."), b"a text is lines of UTF-8"),
    (("on", b"Aw\xffay."), b"a text is lines of UTF-8"),
    (("on", "x" * 991), b"a line of the text has more than 990 bytes\n"),
])  # fmt: skip
def test_what_makes_no_sense_is_status_65_and_changes_nothing(user, arguments, said):
    status, output, errors = user.vacation(*arguments)
    assert (status, errors) == (65, b"")
    assert output.startswith(said) and output.count(b"\n") == 1
    assert user.scripts() == ({}, None)


def test_text_by_standard_input_has_a_limit(user):
    assert user.vacation("on", given=b"x\n" * 10000) == (65, b"a text has at most 16384 bytes\n", b"")
    assert user.vacation("on", given=b"x\n" * 8192) == DONE
    assert reply_to(user) is not None


@pytest.mark.parametrize("arguments", [(), ("off", "now"), ("on", "Away.", "when", "later"), ("Away.",)])
def test_wrong_usage_is_status_64(user, arguments):
    status, output, errors = user.vacation(*arguments)
    assert (status, output) == (64, b"")
    assert errors.startswith(b"vacation: usage: show | on [TEXT|-] [from DATE]") and errors.count(b"\n") == 1


def test_no_reply_to_lists_to_no_sender_and_to_other_replies(user):
    user.vacation("on", "Away.")
    message = make_message("hello", f"{user.user}@example.org")
    for header in (b"Auto-Submitted: auto-replied", b"List-Id: <a.example.net>", b"Precedence: bulk"):
        assert user.pigeonhole.arrive(user.user, header + b"\r\n" + message) == []
    assert user.pigeonhole.arrive(user.user, message, sender="") == []


def test_vacation_and_forward_stand_side_by_side_with_the_users_own_script(user):
    user.write("rules", OWN)
    assert user.forward("set", "bob@example.com") == user.vacation("on", "Away.") == DONE
    assert user.arrive("a list") == ["bob@example.com", "joe@example.net"]
    assert user.kept() == {"Lists": ["a list"]}
    user.forward("copy", "off")
    assert user.arrive("two", "cora@example.net") == ["bob@example.com", "cora@example.net"]
    assert user.kept() == {"Lists": ["a list"]}
    assert user.vacation("off") == DONE
    assert user.arrive("three", "dan@example.net") == ["bob@example.com"]
    user.vacation("on")
    assert user.forward("off") == DONE
    assert user.arrive("list four", "eve@example.net") == ["eve@example.net"]
    assert user.vacation("off") == DONE
    scripts, active = user.scripts()
    assert (sorted(scripts), active) == (["imapx-vacation", "rules"], "rules")
    assert scripts["rules"] == OWN
    assert user.arrive("list five", "fay@example.net") == []
    assert user.kept() == {"Lists": ["a list", "list four", "list five"]}


@pytest.mark.parametrize("copy", ["on", "off"])
@pytest.mark.parametrize("away", [True, False])
def test_mail_that_can_not_be_sent_on_now_is_kept_or_comes_again(user, copy, away):
    if away:
        user.vacation("on", "Away.")
    user.forward("set", "bob@example.com")
    user.forward("copy", copy)
    message = make_message("one", f"{user.user}@example.org")
    options = ("-f", "joe@example.net", "-o", "sendmail_path=/bin/false")
    status = user.pigeonhole.deliver_by_agent(user.user, message, *options).returncode
    assert (status, user.kept()) in [(75, {}), (0, {"INBOX": ["one"]})]  # EX_TEMPFAIL: whoever brought it tries again


def test_own_script_that_replies_itself_is_not_joined(user):
    own = 'require ["fileinto",\n "vacation"];\nvacation "My own words.";\n'
    user.write("rules", own)
    status, output, _ = user.vacation("on", "Away.")
    assert (status, output) == (1, b'your own script "rules" sends vacation replies itself: take that out first\n')
    assert user.scripts() == ({"rules": own}, "rules")
    assert reply_to(user).get_content().strip() == "My own words."
    assert user.forward("set", "bob@example.com") == DONE


def test_script_that_was_changed_by_hand_is_not_replaced_and_off_sets_it_aside(user):
    user.vacation("on", "Away.")
    changed = user.scripts()[0]["imapx-vacation"].replace("Away", "Gone")
    user.write("imapx-vacation", changed, active=False)
    for arguments in (("show",), ("on", "Other.")):
        status, output, _ = user.vacation(*arguments)
        assert (status, output[:50]) == (1, b'the script "imapx-vacation" was changed by hand; "')
    said = b'the script that was changed by hand is now "imapx-vacation-changed"\n'
    assert user.vacation("off") == (0, said, b"")
    assert user.scripts() == ({"imapx-vacation-changed": changed}, None)


def test_two_at_once_both_hold(user):
    processes = [
        user.start("forward", "set", "bob@example.com"),
        user.start("vacation", "on", "Away."),
        user.start("forward", "copy", "on"),
        user.start("vacation", "on", "Away."),
    ]
    for process in processes:
        process.communicate(timeout=60)
    assert user.arrive("one") == ["bob@example.com", "joe@example.net"]
