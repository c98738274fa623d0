"""calendar.ics and a real Radicale: each shows what the other has written."""

import base64
import select
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from icalendar import Calendar

from tests.commands.programs.script import DEADLINE
from tests.commands.programs.test_calendar import talk
from tests.support import peers
from tests.support.dovecot import free_ports


@contextmanager
def serving(storage: Path) -> Iterator[str]:
    """A Radicale that lets everybody log in and see to their own; its URL."""
    try:
        import radicale  # noqa: F401
    except ImportError:
        (pytest.fail if peers.required() else pytest.skip)("radicale is not installed (PyPI: radicale)")
    (port,) = free_ports(1)
    options = {
        "server-hosts": f"127.0.0.1:{port}",
        "auth-type": "none",
        "rights-type": "owner_only",
        "storage-filesystem-folder": str(storage),
    }
    argv = [sys.executable, "-m", "radicale", "--config", "", *(f"--{name}={text}" for name, text in options.items())]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, bufsize=0) as process:
        try:
            wait_for(process, b"Listening on")
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.communicate(timeout=DEADLINE)


def wait_for(process: subprocess.Popen[bytes], text: bytes) -> None:
    log = b""
    while text not in log:
        assert process.stdout is not None
        data = process.stdout.read(4096) if select.select([process.stdout], [], [], DEADLINE)[0] else b""
        assert data, log.decode()
        log += data


@pytest.fixture(scope="module")
def radicale(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with serving(tmp_path_factory.mktemp("radicale")) as url:
        yield url


DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def ask(method: str, url: str, data: bytes | None = None) -> bytes:
    """As the user demo."""
    headers = {"Authorization": "Basic " + base64.b64encode(b"demo:demo").decode(), "Content-Type": "text/calendar"}
    request = urllib.request.Request(url, data, headers, method=method)
    with DIRECT.open(request, timeout=DEADLINE) as response:
        body: bytes = response.read()
        return body


def events(data: bytes) -> list[str]:
    """Each event's properties, as the library writes them, in an order that doesn't depend on the file's."""
    calendar = Calendar.from_ical(data.decode())
    return sorted("".join(sorted(event.to_ical().decode().splitlines(True))) for event in calendar.walk("VEVENT"))


MADE = (
    "add 2026-06-01 8:00 every day make coffee",
    "add 2026-06-01 9:00 10:30 meeting with boss; bring figures, and \N{HOT BEVERAGE}",
    "add 2026-06-01 2026-06-03 all day fair",
    "add 2026-06-05 all day every 2 weeks until 2026-12-31 pay day",
    "add 2026-06-02 18:00 19:00 every week 5 times gym",
    "move 2026-06-09 18:00 to 2026-06-10 20:00",
    "remove 2026-06-16 18:00",
)


def test_radicale_takes_the_file_and_serves_equal_events(radicale: str, tmp_path: Path) -> None:
    assert talk(tmp_path, *MADE) == ["ok"] * len(MADE)
    data = (tmp_path / "calendar.ics").read_bytes()
    ask("PUT", f"{radicale}/demo/ours/", data)
    served = ask("GET", f"{radicale}/demo/ours/")
    assert events(served) == events(data)
    (tmp_path / "calendar.ics").write_bytes(served)
    listed = talk(tmp_path, "list 2026-06-09 2026-06-16")
    assert "2026-06-10 20:00-21:00 gym" in listed and "2026-06-16 18:00-19:00 gym" not in listed


STORED = b"""BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//somebody//else//EN
BEGIN:VTIMEZONE
TZID:Europe/Berlin
BEGIN:STANDARD
DTSTART:19701025T030000
RRULE:FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU
TZOFFSETFROM:+0200
TZOFFSETTO:+0100
END:STANDARD
BEGIN:DAYLIGHT
DTSTART:19700329T020000
RRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU
TZOFFSETFROM:+0100
TZOFFSETTO:+0200
END:DAYLIGHT
END:VTIMEZONE
BEGIN:VEVENT
UID:call
DTSTAMP:20260101T000000Z
DTSTART;TZID=Europe/Berlin:20260601T090000
DURATION:PT30M
RRULE:FREQ=WEEKLY;BYDAY=MO,WE
SUMMARY:call with Berlin
BEGIN:VALARM
ACTION:DISPLAY
TRIGGER:-PT5M
DESCRIPTION:soon
END:VALARM
END:VEVENT
END:VCALENDAR
""".replace(b"\n", b"\r\n")


def test_what_radicale_has_stored_is_shown_and_changed_and_goes_back(radicale: str, tmp_path: Path) -> None:
    talk(tmp_path, *MADE[:1])
    ask("PUT", f"{radicale}/demo/theirs/", (tmp_path / "calendar.ics").read_bytes())
    ask("PUT", f"{radicale}/demo/theirs/call.ics", STORED)
    path = tmp_path / "calendar.ics"
    path.write_bytes(ask("GET", f"{radicale}/demo/theirs/"))
    shown = talk(tmp_path, "list 2026-06-03", "move 2026-06-03 7:00 to 12:00", "list 2026-06-03", TZ="UTC")
    coffee = "8:00 make coffee"
    assert shown == ["7:00-7:30 call with Berlin", coffee, "ok", "ok", coffee, "12:00-12:30 call with Berlin", "ok"]
    ask("PUT", f"{radicale}/demo/theirs/", path.read_bytes())
    assert events(ask("GET", f"{radicale}/demo/theirs/call.ics")) == [
        event for event in events(path.read_bytes()) if "UID:call\r\n" in event
    ]
