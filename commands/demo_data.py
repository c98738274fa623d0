"""What `manage.py demo` makes: plain data, the calendar file and a recording."""

import io
import math
import wave
from dataclasses import dataclass, field
from datetime import date, datetime, time
from pathlib import Path
from typing import Any

from commands.models import Parameter, Rule, Verb
from commands.programs import addresses

MEBIBYTE = 1024 * 1024


@dataclass(frozen=True, slots=True)
class DemoUser:
    """The password is the name."""

    name: str
    verbs: tuple[str, ...] = ()  # that the user may run
    denied: tuple[str, ...] = ()  # no rule would do; a refusal that names a rule shows what the record tells
    reason: str = ""  # of the rules for them
    administrator: bool = False


@dataclass(frozen=True, slots=True)
class DemoParameter:
    name: str
    type: Parameter.Type
    detail: str = ""
    optional: bool = False
    repeat: bool = False
    max_length: int = Parameter._meta.get_field("max_length").default


@dataclass(frozen=True, slots=True)
class DemoVerb:
    """A program by its `script`, after which `arguments` stand in the argument vector; or a plugin."""

    name: str
    description: str
    script: str = ""
    arguments: tuple[str, ...] = ()
    plugin: str = ""
    signatures: tuple[tuple[DemoParameter, ...], ...] = ()
    mode: Verb.Mode = Verb.Mode.ONE_SHOT
    changes_mail: bool = False
    time_limit: int = 30
    idle_limit: int = 30
    output_limit: int = MEBIBYTE
    takes_input: bool = False
    tags: tuple[str, ...] = ()
    transcript: Verb.Transcript = Verb.Transcript.NONE
    redactions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class DemoRule:
    """A rule for many: who is given by `fields`, which are the model's; what, by the name of a verb or a tag."""

    effect: Rule.Effect
    reason: str
    verb: str = ""
    tag: str = ""
    fields: dict[str, Any] = field(default_factory=dict)


TAGS = {
    "lists": "Lists of senders, kept for each user.",
    "mail": "They change what becomes of the user's mail.",
}

# They say nothing of whether the users below may run their verbs, at whatever time of the day somebody tries.
RULES = (
    DemoRule(
        Rule.Effect.LIMIT,
        "nobody shall guess at an old password",
        verb="passwd",
        fields={"everyone": True, "per_minute": 20},
    ),
    DemoRule(
        Rule.Effect.DENY,
        "there is never anybody at .invalid (RFC 2606): the mail would be lost",
        verb="forward",
        fields={"everyone": True, "arguments": {"address": r".*@(.*\.)?invalid"}},
    ),
    DemoRule(
        Rule.Effect.ALLOW,
        "a trial at example.org: from the office, in working hours",
        tag="lists",
        fields={
            "domain": "example.org",
            "networks": "192.0.2.0/24 2001:db8::/32",
            "tls": Rule.Tls.WITH,
            "weekdays": "mon tue wed thu fri",
            "hours_from": time(8),
            "hours_until": time(18),
        },
    ),
)


USERS = (
    DemoUser(
        "demo",
        verbs=(
            *("blacklist", "whitelist", "calendar", "agenda", "deliver", "voicemail"),
            *("forward", "vacation", "vacation-text", "passwd"),
        ),
        reason="demo tries everything",
    ),
    DemoUser("ann", verbs=("calendar",), denied=("blacklist",), reason="ann has the calendar alone"),
    DemoUser("admin", administrator=True),
)

ACTION_VERBS = ("ADD", "REMOVE", "SET", "MODIFY")


def _word(word: str) -> DemoParameter:
    return DemoParameter(word, Parameter.Type.WORD, word)


def _text(name: str) -> DemoParameter:
    return DemoParameter(name, Parameter.Type.TEXT)


_LISTED = DemoParameter("address", Parameter.Type.PATTERN, addresses.SIGNATURE, max_length=addresses.ADDRESS_LENGTH)
_SIDE = DemoParameter("side", Parameter.Type.CHOICE, "from to")

_LIST_SIGNATURES = (
    (_word("add"), _LISTED),
    (_word("remove"), _LISTED),
    (_word("add"), _SIDE, _LISTED),
    (_word("remove"), _SIDE, _LISTED),
    (_word("list"),),
    (_word("dump"), _word("spamassassin")),
    (_word("dump"), _word("rspamd"), DemoParameter("side", Parameter.Type.CHOICE, "from to", optional=True)),
)

_EMAIL = DemoParameter("address", Parameter.Type.EMAIL)
_ON, _FROM, _UNTIL, _SUBJECT = _word("on"), _word("from"), _word("until"), _word("subject")
_FIRST, _LAST = DemoParameter("first", Parameter.Type.DATE), DemoParameter("last", Parameter.Type.DATE)
_WHEN = (_FROM, _FIRST, _UNTIL, _LAST)
_TITLE = (_SUBJECT, _text("title"))
_DAYS = DemoParameter("number", Parameter.Type.INTEGER, "1 365")

_FORWARD_SIGNATURES = (
    (_word("show"),),
    (_word("set"), DemoParameter("address", Parameter.Type.EMAIL, repeat=True)),
    (_word("copy"), DemoParameter("switch", Parameter.Type.CHOICE, "on off")),
    (_word("off"),),
)
_VACATION_SIGNATURES = (
    (_word("show"),),
    (_word("off"),),
    (_ON,),
    (_ON, _word("days"), _DAYS),
    (_ON, _word("address"), _EMAIL),
    (_ON, _text("text")),
    (_ON, _text("text"), _UNTIL, _LAST),
    (_ON, _text("text"), *_WHEN),
    (_ON, _text("text"), *_TITLE),
    (_ON, _text("text"), *_WHEN, *_TITLE),
)
_VACATION_TEXT_SIGNATURES: tuple[tuple[DemoParameter, ...], ...] = ((), _WHEN, _TITLE, (*_WHEN, *_TITLE))


def verbs(data_dir: Path) -> tuple[DemoVerb, ...]:
    return (*_verbs_of_files(data_dir), *_verbs_of_mail(data_dir / "engine"), _PASSWD)


_PASSWD = DemoVerb(
    name="passwd",
    description="Changes your password: the old one, the new one.",
    plugin="passwd",
    signatures=((DemoParameter("old", Parameter.Type.SECRET), DemoParameter("new", Parameter.Type.SECRET)),),
)


def _verbs_of_files(data_dir: Path) -> tuple[DemoVerb, ...]:
    """Those that keep files of their own."""
    return (
        DemoVerb(
            name="blacklist",
            description="Senders whose mail you don't want.",
            script="imapx-blacklist",
            tags=("lists",),
            arguments=("{*}",),
            signatures=_LIST_SIGNATURES,
        ),
        DemoVerb(
            name="whitelist",
            description="Senders whose mail is never spam.",
            script="imapx-whitelist",
            tags=("lists",),
            arguments=("{*}",),
            signatures=_LIST_SIGNATURES,
        ),
        DemoVerb(
            name="calendar",
            description="Your calendar, in a dialogue: type help.",
            script="imapx-calendar",
            arguments=(),
            mode=Verb.Mode.INTERACTIVE,
            transcript=Verb.Transcript.FULL,
            redactions=("[0-9]{3}-[0-9]{3}-[0-9]{4}",),  # telephone numbers, of which the calendar has one
            time_limit=3600,
            idle_limit=300,
        ),
        DemoVerb(
            name="agenda",
            description="What your calendar has for a day, or from one day to another.",
            script="imapx-calendar",
            arguments=("list", "{*}"),
            signatures=(
                (
                    DemoParameter("day", Parameter.Type.DATE, optional=True),
                    DemoParameter("last", Parameter.Type.DATE, optional=True),
                ),
            ),
        ),
        DemoVerb(
            name="voicemail",
            description="Messages on your answering machine.",
            script="imapx-voicemail",
            transcript=Verb.Transcript.METADATA,
            arguments=("--directory", str(data_dir / "voicemail" / "{user}"), "{*}"),
            signatures=((_word("list"),), (_word("fetch"), _text("which")), (_word("delete"), _text("which"))),
            output_limit=64 * MEBIBYTE,
        ),
    )


def _verbs_of_mail(engine: Path) -> tuple[DemoVerb, ...]:
    """Those that the private Dovecot is behind; they say so where there is none."""
    sieve = (
        *("--server", f"unix:{engine}/run/base/imapx-sieve", "--tls", "off"),
        *("--master", "imapx", "--password-file", f"{engine}/sieve.password", "--domain", "localhost", "--"),
    )
    return (
        DemoVerb(
            name="deliver",
            description="Puts a small message into your INBOX.",
            script="imapx-deliver",
            tags=("mail",),
            arguments=("--config", str(engine / "dovecot.conf"), "{subject}"),
            signatures=((DemoParameter("subject", Parameter.Type.TEXT, optional=True),),),
            changes_mail=True,
        ),
        DemoVerb(
            name="forward",
            description="Sends your new mail on to other addresses.",
            script="imapx-forward",
            tags=("mail",),
            transcript=Verb.Transcript.METADATA,
            arguments=(*sieve, "{*}"),
            signatures=_FORWARD_SIGNATURES,
        ),
        DemoVerb(
            name="vacation",
            description="Answers mail while you are away.",
            script="imapx-vacation",
            tags=("mail",),
            transcript=Verb.Transcript.METADATA,
            arguments=(*sieve, "{*}"),
            signatures=_VACATION_SIGNATURES,
        ),
        DemoVerb(
            name="vacation-text",
            description="The same with an answer of several lines, given as the message.",
            script="imapx-vacation",
            tags=("mail",),
            transcript=Verb.Transcript.METADATA,
            arguments=(*sieve, "on", "-", "{*}"),
            signatures=_VACATION_TEXT_SIGNATURES,
            takes_input=True,
        ),
    )


def recording() -> bytes:
    """A second of two tones, as a WAV file."""
    rate, volume = 8000, 8000
    file = io.BytesIO()
    with wave.open(file, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(rate)
        for hertz in (440, 660):
            swings = (math.sin(2 * math.pi * hertz * place / rate) for place in range(rate // 2))
            sound.writeframes(b"".join(round(volume * swing).to_bytes(2, "little", signed=True) for swing in swings))
    return file.getvalue()


def calendar_file(today: date) -> bytes:
    """Three events that come every day, from the first of this year on."""
    # Here, since the icalendar library is slow to start and is needed once in a calendar's life.
    from commands.programs.calendar_events import new_calendar, new_event

    first_day = date(today.year, 1, 1)
    calendar = new_calendar()
    for start, text in (
        (time(8), "make coffee"),
        (time(9), "meeting with boss"),
        (time(9, 30), "Call Joe Blow at 415-555-1212"),
    ):
        event = new_event(datetime.combine(first_day, start), None, text)
        event.add("RRULE", {"FREQ": "DAILY"})
        calendar.add_component(event)
    data: bytes = calendar.to_ical()
    return data
