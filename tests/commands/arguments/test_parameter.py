"""One argument and its place: whether bytes are of a type. It may not crash on any bytes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from commands.arguments.parameter import MAX_ARGUMENT_LENGTH, Parameter, ParameterType

ADD = Parameter("action", ParameterType.WORD, "add")
ADDRESS = Parameter("address", ParameterType.EMAIL)
SWITCH = Parameter("state", ParameterType.CHOICE, "on off")
NUMBER = Parameter("number", ParameterType.INTEGER)
TEXT = Parameter("text", ParameterType.TEXT)


def pattern(expression: str, **fields) -> Parameter:
    return Parameter("code", ParameterType.PATTERN, expression, **fields)


def parameter(kind: ParameterType, detail: str, **fields) -> Parameter:
    return Parameter("any", kind, detail, **fields)


parameters = st.builds(
    Parameter,
    name=st.just("any"),
    type=st.sampled_from(ParameterType),
    detail=st.one_of(
        st.text(max_size=8), st.sampled_from(["add", "on off", "1 5", "[a-z]+", "(", "a{99999999999999999999}"])
    ),
    optional=st.booleans(),
    max_length=st.integers(0, 64),
    allow_leading_dash=st.booleans(),
    characters=st.one_of(st.just(""), st.text(max_size=4), st.sampled_from(["a-z", "^a", "[:digit:]", "]|.*["])),
)
some_bytes = st.one_of(
    st.binary(max_size=80),
    st.text(max_size=20).map(str.encode),
    st.sampled_from([b"add", b"on", b"3", b"-3", b"abc", b"a@b", b"abc\n"]),
)


# Any type, any bytes


@given(parameters, some_bytes)
def test_match_answers_for_any_bytes_and_keeps_the_rules_of_every_type(parameter, argument):
    if parameter.match(argument):
        assert len(argument) <= parameter.max_length
        assert (
            parameter.allow_leading_dash
            or parameter.type is ParameterType.SECRET  # never in argv
            or not argument.startswith(b"-")
        )
        assert b"\0" not in argument
        if parameter.type is not ParameterType.FILE:
            assert not set(argument.decode()) & set("\r\n\x1b\x7f\x9b\u2028")


@given(st.sampled_from(ParameterType), st.binary(max_size=10), st.binary(max_size=10))
def test_nul_is_never_accepted(kind, before, after):
    assert not parameter(kind, "[^x]*").match(before + b"\0" + after)


@pytest.mark.parametrize("argument", [b"-", b"--", b"-rf", b"--help", b"--output=/etc/x", b"-1", b"-a@b.example"])
@pytest.mark.parametrize(
    "kind_and_detail",
    [("word", "-rf"), ("choice", "- -- -rf --help"), ("email", ""), ("integer", ""), ("pattern", ".*"), ("text", "")],
)
def test_leading_dash_is_refused_by_default(kind_and_detail, argument):
    kind, detail = kind_and_detail
    assert not parameter(ParameterType(kind), detail).match(argument)


def test_leading_dash_is_taken_where_the_map_allows_it():
    assert parameter(ParameterType.TEXT, "", allow_leading_dash=True).match(b"--output=/etc/x")
    assert parameter(ParameterType.INTEGER, "-5 5", allow_leading_dash=True).match(b"-5")


@pytest.mark.parametrize("argument", [b"a-b", b" -rf", b"a --help"])
def test_dash_that_does_not_lead_is_text_like_any_other(argument):
    assert TEXT.match(argument)


@pytest.mark.parametrize("argument", [b"\xff", b"abc\xc3", b"\xed\xa0\x80", b"\xc0\x80", b"\xf5\x80\x80\x80"])
def test_bytes_that_are_no_utf8_are_refused(argument):
    assert not TEXT.match(argument)
    assert not pattern("(?s).*").match(argument)


@pytest.mark.parametrize(
    "argument",
    ["\n", "a\n", "a\nb", "a\r", "\x1b[31m", "\x07", "\x7f", "\x85", "\x9b", "\u2028", "\u2029"],
)
def test_controls_and_line_ends_are_refused(argument):
    assert not TEXT.match(argument.encode())
    assert not pattern("(?s).*").match(argument.encode())


@pytest.mark.parametrize("kind", [ParameterType.TEXT, ParameterType.PATTERN])
def test_length_is_counted_in_bytes(kind):
    short = parameter(kind, ".*", max_length=4)
    assert short.match("éé".encode()) and not short.match("ééx".encode())


def test_expression_takes_no_longer_than_its_text():
    # With an engine that backtracks this would run for longer than anybody waits.
    assert not pattern("(a+)+b").match(b"a" * 1000)


@pytest.mark.parametrize("kind", ParameterType)
def test_default_length_is_the_limit_of_one_argument(kind):
    assert parameter(kind, "").max_length == MAX_ARGUMENT_LENGTH


# Each type


@pytest.mark.parametrize(
    "argument", [b"ADD", b"Add", b"add ", b" add", b"ad", b"adds", b"", b"add\n", "\uff41dd".encode()]
)
def test_word_is_matched_exactly(argument):
    assert ADD.match(b"add") and not ADD.match(argument)


@pytest.mark.parametrize("argument", [b"ON", b"on off", b"", b"o", b"on ", b"on|off"])
def test_choice_is_one_of_its_words_exactly(argument):
    assert SWITCH.match(b"on") and SWITCH.match(b"off") and not SWITCH.match(argument)


@pytest.mark.parametrize(
    "argument",
    [
        b"joe@smith.com",
        b"root@localhost",
        b"o'brien+list=x@mail.example.co",
        b"a.b.c@xn--bcher-kva.example",
        b"x@" + b"a" * 63 + b".example",
        b"a" * 64 + b"@b.example",
    ],
)
def test_email_takes_addresses(argument):
    assert ADDRESS.match(argument)


@pytest.mark.parametrize(
    "argument",
    [
        b"*@spam.example",
        b"jo?@spam.example",
        b"joe@*.example",
        b"joe",
        b"@smith.com",
        b"joe@",
        b"joe@smith.com\n",
        b"joe@smith.com\r\nRCPT TO:<x@y.z>",
        b" joe@smith.com",
        b"joe @smith.com",
        b"joe@smith.com,ann@jones.org",
        b"joe@smith@com",
        b"<joe@smith.com>",
        b'"joe smith"@smith.com',
        b"joe@[127.0.0.1]",
        b".joe@smith.com",
        b"joe.@smith.com",
        b"jo..e@smith.com",
        b"joe@smith..com",
        b"joe@.smith.com",
        b"joe@smith.com.",
        b"joe@-smith.com",
        b"joe@smith-.com",
        "jöe@smith.com".encode(),
        "joe@\uff53mith.com".encode(),
        b"a" * 65 + b"@b.example",
        b"x@" + b"a" * 64 + b".example",
        b"x@" + b"a." * 127 + b"a",
        b"",
    ],
)
def test_email_refuses_what_is_no_plain_address(argument):
    assert not ADDRESS.match(argument)


@pytest.mark.parametrize("argument", [b"0", b"7", b"007", b"9" * 18])
def test_integer_without_bounds_takes_any_number_of_64_bits(argument):
    assert NUMBER.match(argument)


@pytest.mark.parametrize(
    "argument", [b"", b"+1", b"1.0", b"1e3", b"0x10", b"1_000", b" 1", b"1\n", b"1 2", "٣".encode(), b"9" * 5000]
)
def test_integer_refuses_what_is_no_decimal_number(argument):
    assert not NUMBER.match(argument)
    assert not parameter(ParameterType.INTEGER, "", max_length=10_000, allow_leading_dash=True).match(argument)


def test_integer_keeps_to_its_bounds():
    bounded = parameter(ParameterType.INTEGER, "-2 10", allow_leading_dash=True)
    taken = [number for number in range(-5, 15) if bounded.match(str(number).encode())]
    assert taken == list(range(-2, 11))


@pytest.mark.parametrize("detail", ["5", "a b", "1 2 3", "5 1", "1,5", "9" * 5000 + " 1"])
def test_integer_with_senseless_bounds_matches_nothing(detail):
    assert not any(parameter(ParameterType.INTEGER, detail).match(text) for text in (b"1", b"5", detail.encode()))


@pytest.mark.parametrize("expression", ["^[a-z]+$", "[a-z]+", r"\A[a-z]+$"])
def test_pattern_matches_the_whole_argument_and_no_newline_after_it(expression):
    assert pattern(expression).match(b"abc")
    assert not any(pattern(expression).match(text) for text in (b"abc\n", b"abc1", b"1abc", b"abc def", b""))


def test_pattern_of_alternatives_matches_whole_ones():
    assert pattern("a|ab").match(b"ab")
    assert not pattern("a|ab").match(b"abb")


@pytest.mark.parametrize(
    "expression", ["(", "[", "*", "a{2,1}", "(?P<x>", "a{1001}", "(" * 5000, "\\", "(?=a)a", r"(a)\1"]
)
def test_bad_expression_matches_nothing_and_never_raises(expression):
    bad = pattern(expression)
    assert not any(bad.match(text) for text in (b"", b"a", expression.encode()))


@pytest.mark.parametrize(
    "argument", ["", " ", "   ", "a\tb", "; id", "$(id)", "`id`", "*", "~", "$HOME", "%n%s {0}", "naïve 日本"]
)
def test_text_takes_any_line_also_an_empty_one(argument):
    assert TEXT.match(argument.encode())


@pytest.mark.parametrize("argument", [b"@/etc/passwd", b"file:///etc/passwd", b"http://127.0.0.1", b"ext::sh -c id"])
def test_names_of_files_and_places_pass_as_text_alone(argument):
    assert TEXT.match(argument)
    assert not any(each.match(argument) for each in (ADD, SWITCH, ADDRESS, NUMBER, pattern("[a-z]+")))


# A parameter that makes no sense


@pytest.mark.parametrize(
    ("kind", "detail"),
    [
        ("word", ""),
        ("word", "-x"),
        ("word", "\ud800"),
        ("choice", ""),
        ("choice", " "),
        ("choice", "on -off"),
        ("integer", "5"),
        ("integer", "5 1"),
        ("pattern", "("),
    ],
)
def test_fault_is_told_to_whoever_writes_the_map(kind, detail):
    assert parameter(ParameterType(kind), detail).fault


@pytest.mark.parametrize(
    "sound", [ADD, SWITCH, ADDRESS, NUMBER, TEXT, pattern("[a-z]+"), parameter(ParameterType.INTEGER, "1 1")]
)
def test_sound_parameter_has_no_fault(sound):
    assert sound.fault == ""


@pytest.mark.parametrize("argument", [b"2027-01-31", b"2028-02-29", b"today", b"tomorrow"])
def test_date_takes_days(argument):
    assert parameter(ParameterType.DATE, "").match(argument)


@pytest.mark.parametrize(
    "argument",
    [b"2027-02-29", b"2027-1-31", b"20270131", b"2027-01-31T00:00", b"0000-01-01", b"yesterday", b"", b"Today"],
)
def test_date_refuses_what_is_no_day(argument):
    assert not parameter(ParameterType.DATE, "").match(argument)


def test_mailbox_takes_names_in_either_encoding():
    for name in ("INBOX", "Sent/2027", "&ZeVnLIqe-", "日本語", "R&D", "Tom &- Jerry"):
        assert parameter(ParameterType.MAILBOX, "").match(name.encode())
    assert not parameter(ParameterType.MAILBOX, "").match(b"")


# Characters, and file content


@pytest.mark.parametrize(
    ("characters", "taken", "refused"),
    [
        ("a-z", "abc", "aBc"),
        ("A-Za-z0-9 .", "To 1.", "To\t1"),
        ("^;&|", "a b", "a;b"),
        (r"\]\[", "[]", "[a]"),
        (r"\\", "\\", "/"),
        ("[:digit:]-", "1-2", "1:2"),
        ("é", "é", "e"),
    ],
)
def test_only_the_characters_of_the_map_are_taken(characters, taken, refused):
    only = parameter(ParameterType.TEXT, "", characters=characters)
    assert not only.characters_fault
    assert only.match(taken.encode()) and not only.match(refused.encode())


@pytest.mark.parametrize("characters", ["a]|[b", "]", "[", "z-a", "a\\", "[:nothing:]", "a[b", "]*|.*["])
def test_characters_that_are_no_inside_of_brackets_are_a_fault_and_nothing_matches(characters):
    broken = parameter(ParameterType.TEXT, "", characters=characters)
    assert broken.characters_fault
    assert not any(broken.match(argument) for argument in (b"", b"a", b"b", characters.encode()))


def test_characters_hold_for_words_of_the_map_too():
    assert parameter(ParameterType.WORD, "add", characters="0-9").fault


@pytest.mark.parametrize("content", [b"", b"a\nb\r\n", b"\xff\xfe", b"\x1b[0m", "\u2028".encode()])
def test_file_takes_any_bytes_but_nul(content):
    file = parameter(ParameterType.FILE, "", max_length=8)
    assert file.match(content)
    assert not file.match(content + b"\0")
    assert not file.match(b"x" * 9) and not file.match(b"-x")


def test_file_with_characters_of_its_own_is_text_of_these():
    file = parameter(ParameterType.FILE, "", characters=r"a-z\n")
    assert file.match(b"a\nb\n") and not file.match(b"A\n") and not file.match(b"\xff")
