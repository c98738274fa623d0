"""What `manage.py demo` makes: plain data, and the calendar file."""

from dataclasses import dataclass
from datetime import date, datetime, time
from pathlib import Path

from commands.models import Parameter, Verb


@dataclass(frozen=True, slots=True)
class DemoUser:
    """The password is the name."""

    name: str
    verbs: tuple[str, ...] = ()  # that the user may run
    denied: tuple[str, ...] = ()  # no rule would do; a refusal that names a rule shows what the record tells
    administrator: bool = False


@dataclass(frozen=True, slots=True)
class DemoParameter:
    name: str
    type: Parameter.Type
    detail: str = ""
    optional: bool = False


@dataclass(frozen=True, slots=True)
class DemoVerb:
    """`arguments` are what stands in the argument vector after the script."""

    name: str
    description: str
    script: str
    arguments: tuple[str, ...]
    signatures: tuple[tuple[DemoParameter, ...], ...] = ()
    mode: Verb.Mode = Verb.Mode.ONE_SHOT
    changes_mail: bool = False
    time_limit: int = 30
    idle_limit: int = 30


USERS = (
    DemoUser("demo", verbs=("blacklist", "whitelist", "calendar", "deliver")),
    DemoUser("ann", verbs=("calendar",), denied=("blacklist",)),
    DemoUser("admin", administrator=True),
)

ACTION_VERBS = ("ADD", "REMOVE", "SET", "MODIFY")

_ADDRESS = DemoParameter("address", Parameter.Type.EMAIL)


def _word(word: str) -> DemoParameter:
    return DemoParameter(word, Parameter.Type.WORD, word)


_LIST_SIGNATURES = (
    (_word("add"), _ADDRESS),
    (_word("remove"), _ADDRESS),
    (_word("list"),),
    (_word("dump"), DemoParameter("format", Parameter.Type.CHOICE, "spamassassin rspamd")),
)


def verbs(data_dir: Path) -> tuple[DemoVerb, ...]:
    return (
        DemoVerb(
            name="blacklist",
            description="Senders whose mail you don't want.",
            script="imapx-blacklist",
            arguments=("{*}",),
            signatures=_LIST_SIGNATURES,
        ),
        DemoVerb(
            name="whitelist",
            description="Senders whose mail is never spam.",
            script="imapx-whitelist",
            arguments=("{*}",),
            signatures=_LIST_SIGNATURES,
        ),
        DemoVerb(
            name="calendar",
            description="Your calendar, in a dialogue: type help.",
            script="imapx-calendar",
            arguments=(),
            mode=Verb.Mode.INTERACTIVE,
            time_limit=3600,
            idle_limit=300,
        ),
        DemoVerb(
            name="deliver",
            description="Puts a small message into your INBOX.",
            script="imapx-deliver",
            arguments=("--config", str(data_dir / "engine" / "dovecot.conf"), "{subject}"),
            signatures=((DemoParameter("subject", Parameter.Type.TEXT, optional=True),),),
            changes_mail=True,
        ),
    )


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
