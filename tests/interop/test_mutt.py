"""mutt, as it is, at a terminal whose keys are pressed by its own `push`."""

import os
import pty
import subprocess
import threading
from collections.abc import Iterable

import pytest

from tests.interop.messages import seeds
from tests.interop.places import PATIENCE, Both, Place
from tests.support import peers

CONFIGURATION = """\
set folder = "{scheme}://{host}:{port}/"
set spoolfile = "+INBOX"
set imap_user = "{user}"
set imap_pass = "{password}"
set ssl_starttls = no
set ssl_force_tls = no
set ssl_ca_certificates_file = "{certificate}"
set delete = yes
set quit = yes
set sleep_time = 0
set sort = mailbox-order
set pager_index_lines = 0
set record = ""
unset confirmappend
unset confirmcreate
unset wait_key
unset move
unset mark_old
unset beep
unset help
unset pipe_decode
"""

READ = ["<first-entry><display-message><exit><next-entry><display-message><exit>"]
TAG = [
    "<tag-pattern>~s tricky<enter>",
    "<tag-prefix><copy-message><kill-line>=Archive<enter>",
    "<untag-pattern>.<enter>",
]
FLAG = ["<jump>5<enter><flag-message>", "<jump>6<enter><set-flag>r", "<jump>7<enter><set-flag>*<sync-mailbox>"]
SAVE = ["<jump>8<enter><save-message><kill-line>=Saved<enter>", "<sync-mailbox>"]
DELETE = ["<delete-pattern>~s latin<enter>", "<sync-mailbox>"]
PIPE = ["<tag-pattern>~s attached<enter>", "<tag-prefix><pipe-message>cat >> piped<enter>"]
MOVE_ON = ["<change-folder><kill-line>=Archive<enter>", "<first-entry><display-message><exit>"]
NEW_FOLDER = ["<last-entry><copy-message><kill-line>=Größe<enter>"]


@pytest.fixture(autouse=True)
def installed() -> None:
    peers.require("mutt", "mutt")


def mutt(place: Place, keys: Iterable[str]) -> bytes:
    """Run it with these keys pressed, and return what the terminal got."""
    values = {name: getattr(place, name) for name in ("host", "port", "user", "password", "certificate")}
    text = CONFIGURATION.format(**values, scheme="imaps" if place.tls else "imap")
    pressed = "".join(keys) + "<quit>"
    (place.home / "muttrc").write_text(f"{text}push '{pressed}'\n")
    ours, its = pty.openpty()
    screen = bytearray()

    def read() -> None:
        try:
            while data := os.read(ours, 65536):
                screen.extend(data)
        except OSError:  # its side is closed
            pass

    try:
        process = subprocess.Popen(
            ["mutt", "-n", "-F", place.home / "muttrc"],
            env={"PATH": os.environ["PATH"], "HOME": str(place.home), "TERM": "xterm", "LANG": "C.UTF-8", "TZ": "UTC"},
            cwd=place.home,
            stdin=its,
            stdout=its,
            stderr=its,
            start_new_session=True,
        )
    finally:
        os.close(its)
    reader = threading.Thread(target=read)
    reader.start()
    try:
        status = process.wait(PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        status = None
    reader.join()
    os.close(ours)
    assert status == 0, screen.decode(errors="backslashreplace")
    return bytes(screen)


def work(place: Place) -> bytes:
    mutt(place, [*READ, *TAG, *FLAG, *SAVE, *DELETE, *PIPE, *NEW_FOLDER, *MOVE_ON])
    return (place.home / "piped").read_bytes()


def test_mail(both: Both) -> None:
    both.seed(seeds(30, flags=("", "S", "FS", "RS")))
    mailboxes = both.run(work)
    subjects = {name: [kept.subject for kept in mailbox.messages.values()] for name, mailbox in mailboxes.items()}
    assert subjects["Archive"] == ["tricky 1", "tricky 11", "tricky 21"]
    assert subjects["Saved"] == ["unfinished_line 7"]
    assert subjects["Gr&APYA3w-e"] == ["plain 29"]
    assert len(subjects["INBOX"]) == 30 - 3 - 1
    assert "\\Flagged" in mailboxes["INBOX"].messages[5].flags
    assert mailboxes["INBOX"].messages[6].flags == ("\\Answered", "\\Seen")
