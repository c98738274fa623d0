"""python -m benchmarks.record: a record of millions on PostgreSQL, and what the admin's pages cost the database there.

A server of its own is started in a temporary directory and removed at the end. Ten million events take some 6 GB.
"""

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import django

from benchmarks import record_data
from tests.support.postgres import SETTINGS, Postgres

TURNS = 9
EVENTS, EXECUTIONS = "/admin/commands/auditevent/", "/admin/commands/execution/"

# What a page is called, and its address. {…}: see `record_data.sample`.
PAGES = (
    ("Overview", "/admin/"),
    ("audit list", EVENTS),
    ("its oldest page", f"{EVENTS}?after=first"),
    ("one user, of the busiest", f"{EVENTS}?user={{busy}}"),
    ("one user, of the quietest", f"{EVENTS}?user={{quiet}}"),
    ("a user that never came", f"{EVENTS}?user=nobody@example.org"),
    ("users by the start of a name, few", f"{EVENTS}?user={{prefix}}*"),
    ("users by the start of a name, all", f"{EVENTS}?user=user*"),
    ("one address", f"{EVENTS}?address={{address}}"),
    ("a network of 256", f"{EVENTS}?address={{network}}"),
    ("a network of 16 million", f"{EVENTS}?address=10.0.0.0/8"),
    ("a verb that many use", f"{EVENTS}?verb=calendar"),
    ("a verb that few use", f"{EVENTS}?verb=passwd"),
    ("an outcome that is common", f"{EVENTS}?outcome=accepted"),
    ("an outcome that is rare", f"{EVENTS}?outcome=unparsable"),
    ("refusals", f"{EVENTS}?kind=reject"),
    ("alerts", f"{EVENTS}?kind=alert"),
    ("logins", f"{EVENTS}?kind=login"),
    ("one day, a year ago", f"{EVENTS}?at_from={{day}}&at_to={{day}}"),
    ("user and verb", f"{EVENTS}?user={{busy}}&verb=passwd"),
    ("verb and outcome", f"{EVENTS}?verb=passwd&outcome=timeout"),
    ("two that never go together", f"{EVENTS}?kind=accept&outcome=noperm"),
    ("user, verb, outcome, kind and a month", f"{EVENTS}?user={{busy}}&verb=calendar&outcome=exit&kind=exit&{{month}}"),
    ("search: an argument, recent", f"{EVENTS}?q={{argument}}"),
    ("search: a word that is nowhere", f"{EVENTS}?q=nowhere"),
    ("search: a word of one user's", f"{EVENTS}?q=sender7&user={{busy}}"),
    ("search: an address and a verb", f"{EVENTS}?q={{address}}+calendar"),
    ("search: on one day, a year ago", f"{EVENTS}?q=nowhere&at_from={{day}}&at_to={{day}}"),
    ("an event", f"{EVENTS}{{event}}/change/"),
    ("execution list", EXECUTIONS),
    ("its oldest page", f"{EXECUTIONS}?after=first"),
    ("one user", f"{EXECUTIONS}?user={{busy}}"),
    ("users by the start of a name", f"{EXECUTIONS}?user={{prefix}}*"),
    ("one verb", f"{EXECUTIONS}?verb=calendar"),
    ("running", f"{EXECUTIONS}?outcome=running"),
    ("ended by the time limit", f"{EXECUTIONS}?outcome=timeout"),
    ("one address", f"{EXECUTIONS}?address={{address}}"),
    ("one day, a year ago", f"{EXECUTIONS}?started_from={{day}}&started_to={{day}}"),
    ("search: an argument", f"{EXECUTIONS}?q={{argument}}"),
    ("an execution with its events", f"{EXECUTIONS}{{execution}}/change/"),
)
# What a server of this size would be given; untouched it takes 128 MB.
RECORD_SETTINGS = {"shared_buffers": "1GB", "max_wal_size": "4GB", "maintenance_work_mem": "256MB", "autovacuum": "off"}

# From each, 'Older' is followed so often.
DEEP = (("audit list", EVENTS), ("one user", f"{EVENTS}?user={{busy}}"), ("execution list", EXECUTIONS))
DEPTH = 200


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.record", description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000, help="Audit events (%(default)s).")
    parser.add_argument("--months", type=int, default=24, help="That they are spread over (%(default)s).")
    parser.add_argument(
        "--keep", action="store_true", help="Wait for Enter before the server is removed; print its URL."
    )
    options = parser.parse_args()
    with own_database() as url:
        start = time.monotonic()
        record_data.fill(options.rows, options.months)
        print(f"{record_data.described()}; made in {time.monotonic() - start:.0f} s", flush=True)
        with superuser() as get:
            measure(get, record_data.sample())
        if options.keep:
            input(f"DATABASE_URL={url}: Enter removes it. ")


@contextmanager
def own_database() -> Iterator[str]:
    """Start a server, and let Django use it, with its tables made."""
    postgres = Postgres()
    with tempfile.TemporaryDirectory(prefix="imapx-benchmark-") as directory, patch.dict(SETTINGS, RECORD_SETTINGS):
        try:
            postgres.start()
            os.environ |= {
                "DATABASE_URL": postgres.url,
                "DJANGO_SETTINGS_MODULE": "imapx_site.settings",
                "IMAPX_DATA_DIR": directory,
            }
            django.setup()
            from django.core.management import call_command
            from django.db import connections

            call_command("migrate", verbosity=0)
            yield postgres.url
            connections.close_all()
        finally:
            postgres.remove()


@contextmanager
def superuser() -> Iterator[Callable[[str], Any]]:
    """Give a function that gets a page of the admin."""
    from django.conf import settings
    from django.contrib.auth.models import User
    from django.test import Client
    from django.test.utils import setup_test_environment

    setup_test_environment()  # so that a response has its context
    settings.STATIC_ROOT.mkdir(exist_ok=True)
    client = Client()
    client.force_login(User.objects.create_superuser("admin"))

    def get(address: str) -> Any:
        response = client.get(address)
        if response.status_code != 200:
            raise RuntimeError(f"{address}: {response.status_code} {response.headers.get('Location')}")
        return response

    yield get


def measure(get: Callable[[str], Any], sample: dict[str, str]) -> None:
    print("\n| page | rows shown | queries | database: first time | median | least |")
    print("| --- | ---: | ---: | ---: | ---: | ---: |")
    for title, address in PAGES:
        row(title, get, address.format(**sample))
    for title, address in DEEP:
        here = address.format(**sample)
        for _ in range(DEPTH - 1):
            here = here.partition("?")[0] + get(here).context["cl"].links["older"]
        row(f"{title}, page {DEPTH}", get, here)


def row(title: str, get: Callable[[str], Any], address: str) -> None:
    first, queries, response = database_seconds(get, address)
    again = [database_seconds(get, address)[0] for _ in range(TURNS)]
    changelist = (response.context or {}).get("cl")
    shown = "" if changelist is None else str(len(changelist.result_list))
    if changelist is not None and changelist.searched_to:
        shown += " and further"
    times = " | ".join(f"{seconds * 1e3:.1f} ms" for seconds in (first, statistics.median(again), min(again)))
    print(f"| {title} | {shown} | {queries} | {times} |", flush=True)


def database_seconds(get: Callable[[str], Any], address: str) -> tuple[float, int, Any]:
    """Get a page. Return for how long its queries took in all, with the fetching of their rows, and how many."""
    from django.db import connection

    times = []

    def timed(execute: Any, sql: str, parameters: Any, many: bool, context: Any) -> Any:
        start = time.perf_counter()
        try:
            return execute(sql, parameters, many, context)
        finally:
            times.append(time.perf_counter() - start)

    with connection.execute_wrapper(timed):
        response = get(address)
    return sum(times), len(times), response


if __name__ == "__main__":
    main()
