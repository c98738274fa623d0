"""docs/addresses.md says who may open what, just as the tables do by which that is tested."""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from tests.commands.admin.test_urls import ACTORS, ADDRESSES, ROLES
from tests.commands.web.sockets.test_routing import SOCKETS

DOCUMENT = Path(__file__).resolve().parents[3] / "docs" / "addresses.md"

COLUMNS = {"a": "anybody", "u": "a user", "s": "staff", **ROLES, "S": "superuser"}
LETTERS = ACTORS

HEAD = """# Who may open which address

Each address of the web pages, and who is answered there. What is not in these tables is not there; a new address
without a line here fails the tests, which open all of them as each of these people.

*Anybody* has not logged in, *a user* has (a user of mail, with no right at all), *staff* may open the admin and has no
right but that; the next five are the roles that `manage.py roles` makes. **●** is answered, **p** by POST too, *p* by
POST alone (with the token against forged requests, or it is refused). An address with a `<…>` in it is about one row,
under `/me/` about one of somebody else. `/health` and `/metrics` are open by address: see
[operating.md](operating.md#health-and-metrics).
"""


def test_document_has_the_tables() -> None:
    assert DOCUMENT.read_text() == document(), "write what this module prints when it is run"


def document() -> str:
    pages = {
        _shown(route): [_mark(actor in who.view, who.post is not None and actor in who.post) for actor in LETTERS]
        for route, who in ADDRESSES.items()
    }
    sockets = {_shown(route): [_mark(actor in who, False) for actor in LETTERS] for route, who in SOCKETS.items()}
    return "\n".join(
        [
            HEAD,
            *_table(pages),
            "\n## WebSockets\n",
            "Open to pages of the same host and port alone, and only while session and right last.\n",
            *_table(sockets),
            "",
        ]
    )


def _mark(view: bool, post: bool) -> str:
    return ("●" if view else "") + (" p" if view and post else "p" if post else "")


def _shown(route: str) -> str:
    route = re.sub(r"\(\?P<(\w+)>[^)]*\)", r"<\1>", route)
    return "`/" + re.sub(r"[$^]", "", route) + "`"


def _table(rows: Mapping[str, Iterable[str]]) -> list[str]:
    head = ["address", *(COLUMNS[letter] for letter in LETTERS)]
    return [
        f"| {' | '.join(head)} |",
        f"| --- |{' :-: |' * len(LETTERS)}",
        *(f"| {address} | {' | '.join(marks)} |" for address, marks in rows.items()),
    ]


if __name__ == "__main__":
    print(document(), end="")
