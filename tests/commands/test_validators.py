"""What the map may hold: bad entries are refused when they are saved."""

import pytest
from django.core.exceptions import ValidationError

from commands.models import Parameter, Signature, Verb
from commands.validators import (
    validate_action_verb_name,
    validate_argv,
    validate_environment,
    validate_expression,
    validate_redactions,
    validate_verb_name,
)


@pytest.mark.parametrize("name", ["a", "blacklist", "list.add", "a-b_c.9", "a" * 64])
def test_verb_names_that_are_taken(name):
    validate_verb_name(name)


@pytest.mark.parametrize(
    "name",
    [
        *["", "a" * 65, "a" * 129, "/bin/sh", "../sh", "A", "blackList", "1a", "-a", ".a", "a b", "a ", " a", "a*"],
        *["a\n", "a\0", "\x1ba", "\u00e4", "\uff41", "bl\u0430cklist", "a\u200b"],
    ],
)
def test_verb_names_that_are_refused(name):
    with pytest.raises(ValidationError):
        validate_verb_name(name)


@pytest.mark.parametrize("name", ["ADD", "REMOVE", "SET", "MODIFY", "A-1"])
def test_action_verbs_that_are_taken(name):
    validate_action_verb_name(name)


@pytest.mark.parametrize("name", ["", "add", "1A", "-A", "A" * 33, "ADD\n", "ADD X", "ÄDD", "A*"])
def test_action_verbs_that_are_no_words_are_refused(name):
    with pytest.raises(ValidationError):
        validate_action_verb_name(name)


@pytest.mark.parametrize(
    "name", ["FETCH", "UID", "NOOP", "LOGIN", "STARTTLS", "EXECUTE", "FEED", "CANCEL", "XEXEC", "COMPARATOR", "ESEARCH"]
)
def test_action_verb_that_is_an_imap_command_is_refused(name):
    with pytest.raises(ValidationError) as caught:
        validate_action_verb_name(name)
    assert caught.value.messages == [f"{name} is an IMAP command."]


@pytest.mark.parametrize(
    "argv",
    [
        ["/bin/true"],
        ["/opt/x", "{*}", "--", "{name}", "", "literal {brace}"],
        ["/usr/bin/python3", "-u", "/opt/x.py", "{*}"],
        ["/usr/bin/env", "python3", "-m", "tool", "{name}"],
        ["/bin/sh", "-c", 'exec /opt/x "$1"', "sh", "{name}"],
        ["/opt/ssh", "{name}"],
    ],
)
def test_argument_vectors_that_are_taken(argv):
    validate_argv(argv)


@pytest.mark.parametrize("argv", [None, "", "/bin/true", {}, [], [1], ["/bin/true", None], ["/bin/true", ["x"]]])
def test_argument_vector_that_is_no_list_of_strings_is_refused(argv):
    with pytest.raises(ValidationError):
        validate_argv(argv)


@pytest.mark.parametrize("path", ["", "true", "bin/true", "./true", "../sh", "~/x", "{*}", "{name}", " /bin/true"])
def test_program_path_that_is_not_absolute_is_refused(path):
    with pytest.raises(ValidationError) as caught:
        validate_argv([path])
    assert caught.value.code == "argv_relative"


@pytest.mark.parametrize("element", ["a\0b", "\0", "\ud800"])
def test_element_that_exec_can_not_be_given_is_refused(element):
    for argv in (["/bin/true", element], ["/bin/" + element]):
        with pytest.raises(ValidationError) as caught:
            validate_argv(argv)
        assert caught.value.code == "argv_bytes"


@pytest.mark.parametrize(
    "argv",
    [
        ["/bin/sh", "-c", "{command}"],
        ["/bin/bash", "-lc", "{*}"],
        ["/bin/sh", "{name}"],
        ["/bin/sh", "-c", "--", "{*}"],
        ["/usr/bin/env", "-i", "A=b", "sh", "-c", "{command}"],
        ["/usr/bin/python3.11", "-c", "{code}"],
        ["/usr/bin/perl", "-e", "{code}"],
    ],
)
def test_client_text_as_the_script_of_an_interpreter_is_refused(argv):
    with pytest.raises(ValidationError) as caught:
        validate_argv(argv)
    assert caught.value.code == "argv_script"


@pytest.mark.parametrize("environment", [{}, {"LIST_DIR": "/srv/lists", "A1": ""}, {"IMAPX_EXTRA": "x", "TZ": "UTC"}])
def test_environments_that_are_taken(environment):
    validate_environment(environment)


@pytest.mark.parametrize(
    "environment",
    [None, [], "A=b", {"A": 1}, {"A": None}, {"A": "x\0"}, {"A": "\udc80"}]
    + [{name: "x"} for name in ("", "a", "A=B", "A\0", "A B", "1A", "A\n", "BASH_FUNC_X%%", "Ä")],
)
def test_environment_that_is_no_object_of_names_and_strings_is_refused(environment):
    with pytest.raises(ValidationError):
        validate_environment(environment)


@pytest.mark.parametrize(
    "name",
    [
        *["LD_PRELOAD", "LD_LIBRARY_PATH", "PATH", "HOME", "IFS", "ENV", "BASH_ENV", "BASHOPTS", "SHELLOPTS", "PS4"],
        *["PYTHONPATH", "PYTHONSTARTUP", "PERL5OPT", "RUBYOPT", "NODE_OPTIONS", "GCONV_PATH", "GLIBC_TUNABLES"],
        *["HTTP_PROXY", "IMAPX_USER", "IMAPX_VERB", "IMAPX_EXECUTION", "IMAPX_TAG", "IMAPX_REMOTE_ADDR", "IMAPX_TLS"],
    ],
)
def test_variable_that_changes_how_programs_start_is_refused(name):
    with pytest.raises(ValidationError) as caught:
        validate_environment({name: "x"})
    assert caught.value.messages == [f"{name} can't be set here."]


def test_model_refuses_what_the_validators_refuse():
    with pytest.raises(ValidationError) as caught:
        Verb(name="X\n", argv=["sh"], environment={"LD_PRELOAD": "x"}).clean_fields()
    assert set(caught.value.message_dict) == {"name", "argv", "environment"}


PROGRAM = {"kind": "program", "argv": ["/bin/true"]}
SOCKET = {"kind": "socket", "address": "tcp://localhost:25"}
PLUGIN = {"kind": "plugin", "plugin": "passwd"}


@pytest.mark.parametrize(
    "fields",
    [
        PROGRAM | {"environment": {"A": "b"}, "send_stderr": True},
        SOCKET | {"preamble": "proxy-v2", "connect_limit": 1},
        PLUGIN | {"takes_input": True, "mode": "interactive"},
    ],
)
def test_verb_with_the_fields_of_its_kind_is_taken(fields):
    Verb(name="v", **fields).full_clean(validate_unique=False)


@pytest.mark.parametrize(
    ("fields", "bad"),
    [
        ({"kind": "program"}, {"argv"}),
        ({"kind": "socket"}, {"address"}),
        ({"kind": "plugin"}, {"plugin"}),
        (PROGRAM | {"address": "tcp://localhost:25"}, {"address"}),
        (PROGRAM | {"plugin": "passwd"}, {"plugin"}),
        (PROGRAM | {"preamble": "xclient", "connect_limit": 9}, {"preamble", "connect_limit"}),
        (SOCKET | {"argv": ["/bin/true"]}, {"argv"}),
        (SOCKET | {"environment": {"A": "b"}, "send_stderr": True}, {"environment", "send_stderr"}),
        (PLUGIN | {"address": "tcp://localhost:25"}, {"address"}),
        (PLUGIN | {"argv": ["/bin/true"], "preamble": "proxy-v1"}, {"argv", "preamble"}),
        (SOCKET | {"address": "localhost:25"}, {"address"}),
        (PLUGIN | {"plugin": "nothing"}, {"plugin"}),
        (SOCKET | {"preamble": "ident"}, {"preamble"}),
        (SOCKET | {"connect_limit": 0}, {"connect_limit"}),
    ],
)
def test_verb_that_lacks_what_its_kind_needs_or_has_what_is_another_s_is_refused(fields, bad):
    with pytest.raises(ValidationError) as caught:
        Verb(name="v", **fields).full_clean(validate_unique=False)
    assert set(caught.value.message_dict) == bad


def test_error_of_an_unknown_plugin_names_those_that_are_there():
    with pytest.raises(ValidationError) as caught:
        Verb(name="v", kind="plugin", plugin="nothing").clean_fields()
    assert "There are: passwd" in caught.value.message_dict["plugin"][0]


@pytest.mark.parametrize(
    ("fields", "parameters", "error"),
    [
        (PROGRAM | {"argv": ["/bin/echo", "{*}"]}, [{"name": "old", "type": "secret"}], "would show a secret"),
        (PROGRAM | {"argv": ["/bin/echo", "{old}"]}, [{"name": "old", "type": "secret"}], "would show a secret"),
        (PROGRAM | {"argv": ["/bin/echo", "{odl}"]}, [{"name": "old"}], "the name of no parameter"),
        (PROGRAM, [{"name": "a", "repeat": True}, {"name": "b"}], "Only the last parameter"),
        (PROGRAM | {"argv": ["/bin/echo", "{a}"]}, [{"name": "a"}, {"name": "a"}], "the name of two parameters"),
        (PROGRAM, [{"name": "a"}, {"name": "a", "type": "secret"}], "the name of another parameter"),
        (PLUGIN, [{"name": "a"}, {"name": "a"}], "can't have the same"),
        (SOCKET, [{"name": "a"}], "A socket gets no arguments"),
    ],
)
@pytest.mark.django_db
def test_signatures_that_do_not_go_with_what_runs_are_refused(fields, parameters, error):
    verb = Verb.objects.create(name="v", **fields)
    signature = Signature.objects.create(verb=verb)
    for position, parameter in enumerate(parameters):
        Parameter.objects.create(signature=signature, position=position, **parameter)
    with pytest.raises(ValidationError, match=error):
        verb.clean_signatures()


@pytest.mark.django_db
def test_names_that_nothing_refers_to_may_be_the_same():
    verb = Verb.objects.create(name="v", kind="program", argv=["/bin/echo", "{*}"])
    signature = Signature.objects.create(verb=verb)
    for position in range(2):
        Parameter.objects.create(signature=signature, position=position, name="address")
    verb.clean_signatures()


@pytest.mark.parametrize(
    ("fields", "bad"),
    [
        ({"type": "choice", "detail": ""}, "detail"),
        ({"type": "uids", "repeat": True}, "repeat"),
        ({"type": "secret", "repeat": True}, "repeat"),
    ],
)
def test_parameter_that_makes_no_sense_is_refused_by_the_model(fields, bad):
    with pytest.raises(ValidationError) as caught:
        Parameter(name="a", **fields).full_clean(exclude=["signature"])
    assert set(caught.value.message_dict) == {bad}


@pytest.mark.parametrize("value", ["a\0", "\ud800"])
def test_expression_that_no_database_takes_is_refused(value):
    for validate, given in ((validate_expression, value), (validate_redactions, [value])):
        with pytest.raises(ValidationError, match="NUL or half a surrogate pair"):
            validate(given)
