"""Signatures and the argv that arguments make: neither may crash on any bytes, nor let one argument become two."""

from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from commands.arguments.signature import (
    MAX_ARGUMENT_LENGTH,
    MAX_ARGUMENTS,
    ArgumentLimitError,
    Parameter,
    ParameterType,
    Signature,
    UsageError,
    build_argv,
    hidden_positions,
    match_arguments,
    secret_in_argv,
    unknown_in_argv,
    usage,
)

ADD = Parameter("action", ParameterType.WORD, "add")
REMOVE = Parameter("action", ParameterType.WORD, "remove")
LIST = Parameter("action", ParameterType.WORD, "list")
ADDRESS = Parameter("address", ParameterType.EMAIL)
SUBJECT = Parameter("subject", ParameterType.TEXT, optional=True)
COMMENT = Parameter("comment", ParameterType.TEXT, optional=True)
SWITCH = Parameter("state", ParameterType.CHOICE, "on off")
NUMBER = Parameter("number", ParameterType.INTEGER)
TEXT = Parameter("text", ParameterType.TEXT)
BLACKLIST = (Signature((ADD, ADDRESS)), Signature((REMOVE, ADDRESS)), Signature((LIST,)))


def parameter(kind: ParameterType, detail: str, **fields) -> Parameter:
    return Parameter("any", kind, detail, **fields)


# Signatures


@pytest.mark.parametrize(
    ("one", "text"),
    [
        (ADD, "add"),
        (SWITCH, "(on|off)"),
        (ADDRESS, "ADDRESS"),
        (NUMBER, "NUMBER"),
        (Parameter("code", ParameterType.PATTERN, "[a-z]+"), "CODE"),
        (SUBJECT, "[SUBJECT]"),
        (Parameter("verbose", ParameterType.WORD, "verbose", optional=True), "[verbose]"),
    ],
)
def test_usage_shows_words_as_they_are_and_names_in_capitals(one, text):
    assert one.usage == text


def test_usage_of_several_signatures_has_bars_between():
    assert usage(BLACKLIST) == "add ADDRESS | remove ADDRESS | list"
    assert usage([Signature(()), Signature((LIST,))]) == "(no arguments) | list"
    assert usage([]) == ""


def test_usage_brackets_together_what_is_left_out_together():
    assert Signature((ADD, SUBJECT)).usage == "add [SUBJECT]"
    assert Signature((ADD, SUBJECT, ADDRESS)).usage == "add [SUBJECT ADDRESS]"
    assert Signature((ADD, SUBJECT, COMMENT)).usage == "add [SUBJECT [COMMENT]]"


def test_signature_gives_arguments_by_name():
    assert BLACKLIST[0].match([b"add", b"joe@smith.com"]) == {"action": b"add", "address": b"joe@smith.com"}


@pytest.mark.parametrize(
    "arguments", [[], [b"add"], [b"add", b"joe"], [b"list", b"joe@smith.com"], [b"add", b"joe@smith.com", b""]]
)
def test_signature_refuses_another_number_or_form_of_arguments(arguments):
    assert BLACKLIST[0].match(arguments) is None


def test_optional_parameter_is_left_out_with_all_that_follow_it():
    signature = Signature((ADD, SUBJECT, ADDRESS))
    assert signature.match([b"add"]) == {"action": b"add"}
    assert signature.match([b"add", b"hello"]) is None
    assert set(signature.match([b"add", b"hello", b"a@b"]) or {}) == {"action", "subject", "address"}


def test_parameter_that_is_not_optional_can_not_be_left_out_with_an_optional_one_after_it():
    assert Signature((ADD, ADDRESS, SUBJECT)).match([b"add"]) is None


def test_empty_argument_is_given_and_not_left_out():
    assert Signature((SUBJECT,)).match([b""]) == {"subject": b""}
    assert Signature((SUBJECT,)).match([]) == {}


def test_first_signature_that_matches_names_the_arguments():
    signatures = [Signature((ADD,)), Signature((TEXT,)), Signature((SUBJECT,))]
    assert match_arguments("v", signatures, [b"add"]).values == {"action": b"add"}
    assert match_arguments("v", signatures, [b"other"]).values == {"text": b"other"}
    assert match_arguments("v", signatures, []).values == {}


def test_verb_without_signatures_takes_no_arguments():
    assert match_arguments("v", [], []).values == {}
    with pytest.raises(UsageError, match=r"^v: usage: \(no arguments\)$"):
        match_arguments("v", [], [b"x"])


def test_usage_error_tells_the_usage():
    with pytest.raises(UsageError) as caught:
        match_arguments("blacklist", BLACKLIST, [b"add", b"--help"])
    assert str(caught.value) == "blacklist: usage: add ADDRESS | remove ADDRESS | list"


def test_usage_error_is_ascii_and_holds_nothing_of_the_arguments():
    signatures = [Signature((Parameter("wort", ParameterType.WORD, "größe"),))]
    with pytest.raises(UsageError) as caught:
        match_arguments("v", signatures, [b"%s {0} secret"])
    assert str(caught.value) == r"v: usage: gr\xf6\xdfe"


# Limits


def test_arguments_at_the_limits_are_taken():
    arguments = [b"x" * MAX_ARGUMENT_LENGTH] * MAX_ARGUMENTS
    signature = Signature(tuple(Parameter(f"p{n}", ParameterType.TEXT) for n in range(MAX_ARGUMENTS)))
    assert len(match_arguments("v", [signature], arguments).values) == MAX_ARGUMENTS


@pytest.mark.parametrize(
    "arguments",
    [[b""] * 17, [b"x" * 1025], [b"x" * 1024] * 15 + [b"x" * 1025], [b"x" * 1024] * 16 + [b"x"], [b"x" * 10_000_000]],
)
@pytest.mark.parametrize("signatures", [(), (Signature((parameter(ParameterType.TEXT, "", max_length=10**9),)),)])
def test_arguments_over_a_limit_are_refused_whatever_the_map_says(signatures, arguments):
    with pytest.raises(ArgumentLimitError):
        match_arguments("v", signatures, arguments)


# Argument vectors


@pytest.mark.parametrize(
    ("template", "argv"),
    [
        (["/bin/x", "{action}", "--", "{address}"], (b"/bin/x", b"add", b"--", b"a@b")),
        (["/bin/x", "{address}", "{address}"], (b"/bin/x", b"a@b", b"a@b")),
        (["/bin/x", "{*}"], (b"/bin/x", b"add", b"a@b")),
        (["/bin/x", "{subject}", "end"], (b"/bin/x", b"end")),
        (["/bin/x", "--to={address}", "{address}x", "{}", "{{address}}", "{address"],
         (b"/bin/x", b"--to={address}", b"{address}x", b"{}", b"{{address}}", b"{address")),
        (["/bin/x", "{address}\n", "{address.real}", "%(address)s", "$address", "é"],
         (b"/bin/x", b"{address}\n", b"{address.real}", b"%(address)s", b"$address", "é".encode())),
    ],
)  # fmt: skip
def test_whole_elements_are_filled_in_and_all_else_stands(template, argv):
    assert build_argv(template, {"action": b"add", "address": b"a@b"}, [b"add", b"a@b"]) == argv


@given(st.lists(st.binary(max_size=20), max_size=16))
def test_each_argument_is_one_element_byte_for_byte(arguments):
    values = {f"p{number}": argument for number, argument in enumerate(arguments)}
    template = ["/bin/x", *(f"{{{name}}}" for name in values)]
    assert build_argv(template, values, arguments) == (b"/bin/x", *arguments)
    assert build_argv(["/bin/x", "{*}"], values, arguments) == (b"/bin/x", *arguments)


@pytest.mark.parametrize("argument", [b"{address}", b"{*}", b"{0}", b"%s"])
def test_argument_that_reads_like_a_template_is_not_filled_in_again(argument):
    values = {"subject": argument, "address": b"a@b"}
    assert build_argv(["/bin/x", "{subject}"], values, [argument]) == (b"/bin/x", argument)


@pytest.mark.parametrize(
    "argument", [b"; id", b"| id", b"&& id", b"`id`", b"$(id)", b"> /tmp/x", b"*", b"~", b"", b"  "]
)
def test_shell_words_and_empty_arguments_stay_one_element(argument):
    signature = Signature((TEXT, Parameter("second", ParameterType.TEXT)))
    values = match_arguments("v", [signature], [argument, b"next"]).values
    assert build_argv(["/bin/x", "{text}", "{second}"], values, [argument, b"next"]) == (b"/bin/x", argument, b"next")


# Secrets

OLD, NEW = (Parameter(name, ParameterType.SECRET) for name in ("old", "new"))
PASSWD = (Signature((OLD, NEW)), Signature((Parameter("action", ParameterType.WORD, "hint"), TEXT)))


def test_secret_takes_any_line_also_one_with_a_leading_dash():
    assert OLD.match(b"-hunter 2") and OLD.match("grün".encode())
    assert not any(OLD.match(text) for text in (b"a\nb", b"a\r", b"\xff", b"x" * 1025))


def test_secrets_of_a_match_come_in_the_order_of_the_signature():
    assert match_arguments("passwd", PASSWD, [b"one", b"two"]).secrets == (b"one", b"two")


def test_no_repr_shows_a_matched_argument():
    assert "hunter2" not in repr(match_arguments("passwd", PASSWD, [b"hunter2", b"hunter2"]))


@pytest.mark.parametrize(
    ("arguments", "hidden"),
    [
        ([b"one", b"two"], {0, 1}),
        ([b"one"], {0}),
        ([], set()),
        ([b"one", b"two", b"three"], {0, 1, 2}),
        ([b"hint", b"\xff"], {0, 1}),
        ([b"x"] * 17, set(range(17))),
        ([b"hint", b"x" * 1025], {0, 1}),
    ],
)
def test_arguments_that_match_nothing_are_all_hidden_where_one_may_be_a_secret(arguments, hidden):
    assert hidden_positions(PASSWD, arguments) == hidden
    assert hidden_positions(BLACKLIST, arguments) == set()


def test_only_the_secrets_of_the_signature_that_matches_are_hidden():
    signatures = (Signature((ADD, TEXT)), Signature((SWITCH, OLD)))
    assert hidden_positions(signatures, [b"add", b"x"]) == set()
    assert hidden_positions(signatures, [b"on", b"x"]) == {1}


def test_secret_that_was_made_repeatable_past_the_models_is_hidden_each_time():
    signatures = (Signature((replace(OLD, repeat=True),)),)
    assert hidden_positions(signatures, [b"a", b"b", b"c"]) == {0, 1, 2}


@given(st.lists(st.binary(max_size=20), max_size=20))
def test_hidden_positions_answers_for_any_arguments(arguments):
    assert hidden_positions(PASSWD, arguments) <= set(range(len(arguments)))


@pytest.mark.parametrize("template", [["/bin/x", "{old}"], ["/bin/x", "{*}"], ["/bin/x", "{text}", "{new}"]])
def test_template_that_shows_a_secret_has_a_fault(template):
    assert "secret" in secret_in_argv(template, PASSWD)


@pytest.mark.parametrize("template", [["/bin/x"], ["/bin/x", "{text}", "{action}"], ["/bin/x", "--old={old}"]])
def test_template_that_shows_no_secret_has_none(template):
    assert secret_in_argv(template, PASSWD) == ""
    assert secret_in_argv(["/bin/x", "{*}"], BLACKLIST) == ""


def test_placeholder_of_no_parameter_has_a_fault():
    assert (
        unknown_in_argv(["/bin/x", "{adress}"], BLACKLIST) == "'{adress}' is the name of no parameter of any signature."
    )
    assert unknown_in_argv(["/bin/x", "{address}", "{*}", "{not a name}"], BLACKLIST) == ""


@pytest.mark.parametrize(
    "parameters",
    [
        (Parameter("to", ParameterType.EMAIL, repeat=True), TEXT),
        tuple(Parameter(f"s{number}", ParameterType.SECRET) for number in range(4)),
        (Parameter("a", ParameterType.UIDS), Parameter("b", ParameterType.UIDS)),
        (OLD, OLD),
    ],
    ids=["repeat-not-last", "secrets", "uids", "names"],
)
def test_parameters_that_do_not_go_together_are_a_fault(parameters):
    assert Signature(parameters).fault
    assert not any(Signature((each,)).fault for each in parameters)


def test_secret_and_uids_can_not_be_repeated():
    for kind in (ParameterType.SECRET, ParameterType.UIDS):
        assert parameter(kind, "", repeat=True).fault and not parameter(kind, "").fault


# Repeated parameters, messages, and the other types

RECIPIENT = Parameter("recipient", ParameterType.EMAIL, repeat=True)


def test_repeated_parameter_takes_one_or_more():
    send = Signature((SWITCH, RECIPIENT))
    assert send.match([b"on", b"a@b"]) == {"state": b"on", "recipient": (b"a@b",)}
    assert send.match([b"on", b"a@b", b"c@d"]) == {"state": b"on", "recipient": (b"a@b", b"c@d")}
    assert send.match([b"on"]) is None
    assert send.match([b"on", b"a@b", b"no address"]) is None


def test_repeated_parameter_that_is_optional_takes_none_too():
    signature = Signature((SWITCH, Parameter("recipient", ParameterType.EMAIL, optional=True, repeat=True)))
    assert signature.match([b"on"]) == {"state": b"on"}
    assert signature.usage == "(on|off) [RECIPIENT...]"


def test_repeated_parameter_fills_in_all_its_arguments():
    values = Signature((SWITCH, RECIPIENT)).match([b"on", b"a@b", b"c@d"])
    assert build_argv(["/bin/x", "--", "{recipient}", "{state}"], values, []) == (
        *(b"/bin/x", b"--", b"a@b", b"c@d"),
        b"on",
    )


def test_repeated_parameter_is_taken_so_often_and_no_more():
    signature = Signature((SWITCH, Parameter("recipient", ParameterType.EMAIL, repeat=True, max_count=3)))
    taken = [count for count in range(6) if signature.match([b"on", *[b"a@b"] * count]) is not None]
    assert taken == [1, 2, 3]


def test_file_stays_one_element_of_the_argument_vector():
    values = Signature((parameter(ParameterType.FILE, ""),)).match([b"a\n--option\n"])
    assert build_argv(["/bin/x", "{any}"], values, []) == (b"/bin/x", b"a\n--option\n")


# What rules read

TODAY = date(2026, 12, 31)


def test_rules_read_all_values_of_a_name_also_of_two_parameters_of_one_name():
    twice = Signature((parameter(ParameterType.TEXT, ""), parameter(ParameterType.TEXT, "", repeat=True)))
    assert twice.texts([b"a", b"b", b"c"], TODAY) == {"any": ("a", "b", "c")}


@pytest.mark.parametrize(
    ("kind", "argument", "text"),
    [
        (ParameterType.INTEGER, b"0100", "100"),
        (ParameterType.INTEGER, b"-0", "0"),
        (ParameterType.MAILBOX, b"Entw&APw-rfe", "Entwürfe"),
        (ParameterType.MAILBOX, b"inBox", "INBOX"),
        (ParameterType.FILE, b"a\xff\n", "a\ufffd\n"),
        (ParameterType.DATE, b"2026-12-24", "2026-12-24"),
        (ParameterType.DATE, b"today", "2026-12-31"),
        (ParameterType.DATE, b"tomorrow", "2027-01-01"),
        (ParameterType.TEXT, b"Any", "Any"),
    ],
)
def test_rules_read_the_same_for_all_ways_to_write_one_thing(kind, argument, text):
    one = parameter(kind, "", allow_leading_dash=True)
    assert one.match(argument)
    assert Signature((one,)).texts([argument], TODAY) == {"any": (text,)}


def test_rules_never_read_a_secret():
    assert Signature((parameter(ParameterType.SECRET, ""),)).texts([b"hunter2"], TODAY) == {}


def test_usage_of_a_verb_that_takes_input_ends_with_the_message():
    assert usage([Signature((RECIPIENT,))], takes_input=True) == "RECIPIENT... MESSAGE"
    assert usage([], takes_input=True) == usage([Signature(())], takes_input=True) == "MESSAGE"
    with pytest.raises(UsageError, match=r"^send: usage: RECIPIENT\.\.\. MESSAGE$"):
        match_arguments("send", [Signature((RECIPIENT,))], [], takes_input=True)


def test_match_tells_which_messages_it_is_for():
    spam = (Signature((SWITCH, Parameter("messages", ParameterType.UIDS))), Signature((SWITCH,)))
    assert match_arguments("spam", spam, [b"on", b"7,1:3,2"]).uids == (1, 2, 3, 7)
    assert match_arguments("spam", spam, [b"on"]).uids is None
