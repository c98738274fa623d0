"""The verbs that tests of the whole server run: programs of tests/support/programs."""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

from tests.support.server import Server

PROGRAMS = Path(__file__).parent / "programs"

ADD = """
import json
from django.contrib.auth.models import User
from commands.models import Parameter, Rule, Signature, Verb

for entry in json.loads({entries!r}):
    texts, user, uids = entry.pop("texts"), entry.pop("user"), entry.pop("uids")
    verb = Verb(**entry)
    verb.full_clean()
    verb.save()
    signature = Signature.objects.create(verb=verb) if texts else None
    for number in range(texts):
        Parameter.objects.create(signature=signature, position=number, name=f"text{{number}}", optional=True)
    if uids:
        signature = Signature.objects.create(verb=verb)
        Parameter.objects.create(signature=signature, name="uids", type="uids")
    if uids and verb.takes_input:
        Signature.objects.create(verb=verb, position=1)
    if user:
        Rule.objects.create(user=User.objects.get(username=user), verb=verb)
"""


@dataclass(frozen=True)
class TestVerb:
    """`texts`: how many arguments it takes, any text each; `uids`: a set of messages instead.

    `user` may run it; empty: nobody."""

    __test__ = False

    name: str
    argv: list[str]
    texts: int = 0
    user: str = "demo"
    mode: str = "one-shot"
    environment: dict[str, str] = field(default_factory=dict)
    time_limit: int = 60
    idle_limit: int = 60
    output_limit: int = 1024 * 1024
    input_limit: int = 16 * 1024 * 1024
    send_stderr: bool = False
    changes_mail: bool = False
    takes_input: bool = False
    uids: bool = False
    description: str = ""


def program(name: str, *arguments: str) -> list[str]:
    return [str(PROGRAMS / name), *arguments]


def add(server: Server, *entries: TestVerb) -> None:
    server.python(ADD.format(entries=json.dumps([asdict(entry) for entry in entries])))


def all_verbs(canary: Path) -> list[TestVerb]:
    """`canary` is the file that the verb of this name makes."""
    long, dialogue = 2**30, "interactive"
    return [
        TestVerb("canary", program("canary", str(canary), "{*}"), texts=16),
        TestVerb("secret", program("canary", str(canary)), user=""),
        TestVerb("true", ["/bin/true"], user="ann"),
        TestVerb("missing", ["/nonexistent/program"]),
        TestVerb("argdump", program("argdump", "{*}"), texts=17, environment={"GIVEN": "by the map"}),
        TestVerb("prints", program("prints", "{text0}"), texts=1),
        TestVerb("says", program("prints", "{text0}"), texts=1, mode=dialogue),
        TestVerb("long-line", program("octets", "{text0}"), texts=1, mode=dialogue),
        TestVerb("both", program("both-streams"), send_stderr=True),
        TestVerb("octets", program("octets", "{text0}"), texts=1),
        TestVerb("many-octets", program("octets", "{text0}"), texts=1, output_limit=long),
        TestVerb("exits", program("exits", "{text0}"), texts=1),
        TestVerb("dies", program("dies", "{text0}"), texts=1),
        TestVerb("slow", program("never-reads"), time_limit=1),
        TestVerb("idle", program("never-reads"), idle_limit=1),
        TestVerb("stops", program("stops-itself"), time_limit=1),
        TestVerb("deaf", program("ignores-term")),
        TestVerb("deaf-dialogue", program("ignores-term"), mode=dialogue),
        TestVerb("flood-lines", program("flood"), mode=dialogue, output_limit=long),
        TestVerb("flood-stalls", program("flood"), output_limit=long, idle_limit=1),
        TestVerb("echo", program("says-pid"), mode=dialogue, output_limit=long, input_limit=long),
        TestVerb("brief-echo", program("says-pid"), mode=dialogue, input_limit=1024),
        TestVerb("mute", program("never-reads"), mode=dialogue, idle_limit=1),
        TestVerb("deaf-input", program("closes-stdin"), mode=dialogue),
        TestVerb("once", ["/usr/bin/head", "-n", "1"], mode=dialogue, changes_mail=True),
        TestVerb("enquires", program("enquires"), mode=dialogue),
        TestVerb("both-dialogue", program("both-streams"), mode=dialogue, send_stderr=True),
        TestVerb("same", ["/bin/cat"], takes_input=True, output_limit=long, input_limit=long),
        TestVerb("same-small", ["/bin/cat"], takes_input=True, input_limit=4096),
        TestVerb("head", ["/usr/bin/head", "-c", "10"], takes_input=True, input_limit=long),
        TestVerb("input-size", program("input-size", "{text0}"), texts=1, takes_input=True),
        TestVerb("learn", program("learn", "{uids}"), uids=True, changes_mail=True),
        TestVerb("learn-either", program("learn"), uids=True, takes_input=True),
        TestVerb("learn-small", program("learn"), uids=True, input_limit=100),
        TestVerb("learn-slow", program("learn-slow"), uids=True),
        TestVerb("changes", program("exits", "0"), changes_mail=True),
    ]
