"""What the map may hold: bad entries are refused when they are saved."""

import pytest
from django.core.exceptions import ValidationError

from commands.models import Verb
from commands.validators import (
    validate_action_verb_name,
    validate_argv,
    validate_environment,
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
