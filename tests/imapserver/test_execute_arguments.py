"""What a client writes after EXECUTE reaches the program as the same octets, or starts nothing."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.conversation import Client
from tests.support.server import Server

NOPERM = "NO [NOPERM] you may not run this verb, or there is none of this name"


def literals(*arguments: bytes) -> bytes:
    return b"".join(b" {%d+}\r\n%b" % (len(argument), argument) for argument in arguments)


def dumped(client: Client, *arguments: bytes) -> dict[str, Any]:
    """Run `argdump` with these arguments, each as a literal; return what it was given."""
    output, end = client.execute(b"100 EXECUTE argdump" + literals(*arguments))
    assert end == "100 OK [EXIT 0] argdump completed"
    given: dict[str, Any] = json.loads(output)
    return given


def arguments_given(client: Client, *arguments: bytes) -> list[bytes]:
    return [argument.encode("latin-1") for argument in dumped(client, *arguments)["argv"][1:]]


@pytest.mark.parametrize(
    "arguments",
    [
        (b"; id", b"| id", b"&& id", b"`id`", b"$(id)", b"> /tmp/x", b"*", b"~", b"$HOME", b"${IFS}", b"!!", b"\\"),
        (b"%n%s%x", b"{0.__class__}", b"{*}", b"{text0}", b"@/etc/passwd", b"file:///etc/passwd", b"ext::sh -c id"),
        (b"", b"", b" ", b"   ", b"x" * 1024, "é€😀".encode(), b'"', b"'"),
        (b"() { :;}; id", b"A=B", b"a\\nb", b"a\tb", b"NIL", b"(x)", b"{5}", b"{5+}"),
        (b"x" * 1024,) * 16,
    ],
)
def test_arguments_arrive_byte_for_byte(demo: Client, arguments: tuple[bytes, ...]) -> None:
    assert arguments_given(demo, *arguments) == list(arguments)


def test_atom_quoted_and_literals_are_the_same(demo: Client) -> None:
    demo.send(b'100 EXECUTE argdump one "one" {3}\r\n')
    assert demo.read_line() == b"+ OK"
    demo.send(b'one {3+}\r\none ~{3+}\r\none "q\\"\\\\" {0}\r\n')
    assert demo.read_line() == b"+ OK"
    demo.send(b" {0+}\r\n x]y\r\n")
    output, _ = demo.output("100")
    assert json.loads(output)["argv"][1:] == ["one", "one", "one", "one", "one", 'q"\\', "", "", "x]y"]


def test_action_verb_is_the_first_argument(demo: Client) -> None:
    output, _ = demo.execute("100 add ArgDump one")
    assert json.loads(output)["argv"][1:] == ["add", "one"]


def test_leading_dash_is_refused(demo: Client, canary: Path) -> None:
    for argument in (b"-rf", b"--help", b"-", b"--", b"--output=/etc/x"):
        output, end = demo.execute(b"100 EXECUTE canary" + literals(argument))
        assert (output, end[:24]) == (b"", "100 BAD canary: usage: ["), argument


def test_what_is_no_line_of_text_is_refused(demo: Client, canary: Path) -> None:
    for argument in (b"a\nb", b"a\r\nb", b"a\x1b[2J", b"\x7f", b"\xff", b"\xed\xa0\x80", b"\xc2\x85", b"x\n"):
        end = demo.execute(b"100 EXECUTE canary" + literals(argument))[1]
        assert end.startswith("100 BAD canary: usage: "), argument


def test_refused_octets_are_in_the_record(demo: Client, server: Server) -> None:
    argument = b"\xff\x1b]0;x\x07\xe2\x80\xae"
    demo.execute(b"100 EXECUTE canary" + literals(argument))
    query = "SELECT outcome, arguments, arguments_text FROM commands_auditevent ORDER BY id DESC LIMIT 1"
    ((outcome, octets, text),) = server.query(query)
    assert (outcome, bytes(octets)) == ("usage", b"%d:%b," % (len(argument), argument))
    assert text == r"\xff\x1b]0;x\x07\u202e"


def test_too_many_or_too_large_arguments_are_over_the_limit(demo: Client, canary: Path) -> None:
    for arguments in ((b"x",) * 17, (b"x" * 1025,), (b"x" * 1024,) * 15 + (b"x" * 1025,)):
        quoted = b"".join(b' "%b"' % argument for argument in arguments)
        assert demo.execute(b"100 EXECUTE canary" + quoted)[1].startswith("100 NO [LIMIT] ")


def test_literals_over_the_limit_in_all_are_refused(demo: Client, canary: Path) -> None:
    demo.send(b"100 EXECUTE canary" + literals(*(b"x" * 1024,) * 16, b"x") + b"\r\n")
    assert demo.until("100 ")[-1].startswith("100 BAD")


def test_name_that_is_no_verb_looks_like_a_denied_verb(demo: Client, canary: Path) -> None:
    for verb in (
        *(b"secret", b"SECRET", b"/bin/sh", b"../sh", b"ls", b"no/such", b"canary.", b'"canary "', b'" canary"'),
        *(b'""', b"{0+}\r\n", b'"x\x1b[2J"', b"x" * 64, b"canary;id", b"--", b"-rf", b'"%s"', b'"canary x"'),
    ):
        assert demo.execute(b"100 EXECUTE " + verb + b" x") == (b"", f"100 {NOPERM}"), verb


def test_name_that_can_be_no_verb_is_bad(demo: Client, canary: Path) -> None:
    for verb in (b"x" * 65, b"x" * 129, b'"a\0"', b"{7+}\r\nc\xd0\xb0nary", b"ca\xc3\xb1", b"(", b"%s", b"a)"):
        demo.send(b"100 EXECUTE " + verb + b" x\r\n")
        assert demo.until("100 ")[-1].startswith("100 BAD"), verb


def test_form_that_is_not_there_runs_nothing(demo: Client, canary: Path) -> None:
    for form in ("(NOSUCH)", '"(NOSUCH)"', '"()"'):
        assert demo.command(f"100 EXECUTE {form} canary")[-1] == "100 BAD there is no such form"


def test_form_changes_nothing_about_who_may_run_what(demo: Client, canary: Path) -> None:
    for form in ("(FRAMED)", "(PROMPT)", "(DESCRIBE)", '"(FRAMED)"'):
        assert demo.command(f"100 EXECUTE {form} secret x")[-1] == f"100 {NOPERM}"


def test_verb_is_found_in_any_case(demo: Client) -> None:
    assert demo.command("100 eXeCuTe EXITS 0") == ["100 OK [EXIT 0] exits completed"]


def test_program_that_is_not_there_is_unavailable_and_recorded(demo: Client, server: Server) -> None:
    assert demo.command("100 EXECUTE missing")[-1] == "100 NO [UNAVAILABLE] missing is not available"
    assert server.exits("missing") == ["unavailable"]


def test_environment_is_the_documented_one_and_nothing_else(demo: Client, server: Server) -> None:
    demo.command("s SELECT INBOX")
    environment = dumped(demo)["env"]
    ((execution,),) = server.query(
        "SELECT id FROM commands_execution WHERE verb = 'argdump' ORDER BY started DESC LIMIT 1"
    )
    ((user,),) = server.query("SELECT id FROM auth_user WHERE username = 'demo'")
    assert environment.pop("IMAPX_EXECUTION").replace("-", "") == str(execution).replace("-", "")
    environment.pop("TZ", None)
    assert environment == {
        "GIVEN": "by the map",
        "HOME": str(server.data / "homes" / str(user)),
        "IMAPX_MAILBOX": "INBOX",
        "IMAPX_REMOTE_ADDR": "127.0.0.1",
        "IMAPX_TAG": "100",
        "IMAPX_TLS": "0",
        "IMAPX_USER": "demo",
        "IMAPX_VERB": "argdump",
        "LANG": "C.UTF-8",
        "PATH": "/usr/local/bin:/usr/bin:/bin",
    }


def test_process_inherits_nothing(demo: Client, server: Server) -> None:
    given = dumped(demo)
    assert given["fds"] in ([0, 1, 2], [0, 1, 2, 3])  # 3: that with which it lists them
    assert given["umask"] == 0o077
    assert given["cwd"] == str(server.data / "empty") and not list(Path(given["cwd"]).iterdir())
    assert given["pid"] == given["pgid"] == given["sid"]


def test_output_is_byte_for_byte(demo: Client) -> None:
    for escaped, octets in (
        (rb"\\r\\nA1 OK EXECUTE completed\\r\\n* BYE\\r\\n", b"\r\nA1 OK EXECUTE completed\r\n* BYE\r\n"),
        (rb"a\\0000b\\0377", b"a\0b\xff"),
        (rb"no final newline", b"no final newline"),
        (rb")\\r\\n100 OK [EXIT 0] prints completed\\r\\n", b")\r\n100 OK [EXIT 0] prints completed\r\n"),
        (rb"* EXECUTE (TAG \\0042100\\0042) (STDOUT {4}\\r\\n", b'* EXECUTE (TAG "100") (STDOUT {4}\r\n'),
        (rb"", b""),
    ):
        assert demo.execute(b'100 EXECUTE prints "' + escaped + b'"') == (octets, "100 OK [EXIT 0] prints completed")
    demo.line('100 EXECUTE prints "a\\\\0000b"')
    assert demo.read_line() == b'* EXECUTE (TAG "100") (STDOUT ~{3}'  # NUL is allowed in a literal8 alone
    assert demo.read_octets(3) == b"a\0b"


def test_standard_error_is_sent_where_the_map_says_so(demo: Client) -> None:
    responses = demo.command("100 EXECUTE both")
    assert '* EXECUTE (TAG "100") (STDOUT {4}' in responses
    assert '* EXECUTE (TAG "100") (STDERR {4}' in responses
