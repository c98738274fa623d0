"""What failed logins cost: answers that come late, an end of the connection, and a lock-out that the web shares."""

import select
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from http.cookiejar import CookieJar

import pytest
from pytest_django import Settings

from imapserver import penalties
from imapserver.penalties import Delays
from tests.support.conversation import Client
from tests.support.postgres import Postgres
from tests.support.server import Server

FAILED = "NO [AUTHENTICATIONFAILED] wrong user name or password"
LOCKOUT = 4


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory, run_postgres: Postgres | None) -> Iterator[Server]:
    settings = {
        "FAILED_LOGIN_SECONDS": "0.1",
        "FAILED_LOGIN_MAX_SECONDS": "1",
        "FAILED_LOGINS_PER_CONNECTION": "3",
        "LOCKOUT_FAILURES": str(LOCKOUT),
    }
    server = Server(tmp_path_factory.mktemp("strict"), run_postgres, **settings)
    server.prepare()
    server.start("--engine", "none")
    yield server
    assert server.stop() == 0
    server.close()


def log_in(server: Server, username: str, password: str, source: str) -> str:
    """Try once on a connection of its own; return the tagged response."""
    with Client(server.imap, source=source) as client:
        client.until(r"\* OK")
        return client.command(f"a LOGIN {username} {password}")[-1].removeprefix("a ")


def log_in_on_the_web(server: Server, username: str, password: str) -> tuple[int, str]:
    """Fill in the form, from 127.0.0.1; return the status and the page."""
    cookies = CookieJar()
    browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(cookies))
    url = f"{server.web}/admin/login/"
    browser.open(url, timeout=15).close()
    token = next(cookie.value for cookie in cookies if cookie.name == "csrftoken")
    form = {"username": username, "password": password, "csrfmiddlewaretoken": token, "next": "/admin/"}
    try:
        with browser.open(url, urllib.parse.urlencode(form).encode(), timeout=15) as response:
            return response.status, response.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def last_reason(server: Server) -> str:
    ((reason,),) = server.query("SELECT reason FROM commands_auditevent WHERE kind = 'login' ORDER BY id DESC LIMIT 1")
    return str(reason)


# Delays


def test_delay_doubles_to_its_longest_and_is_forgotten_after_quiet() -> None:
    delays = Delays()
    assert [delays.fail("192.0.2.1", now) for now in range(6)] == [2, 4, 8, 15, 15, 15]
    assert delays.fail("192.0.2.2", 6) == 2
    assert delays.fail("192.0.2.1", 5 + 599) == 15
    assert delays.fail("192.0.2.1", 5 + 599 + 600) == 2


def test_network_of_ipv6_is_one_place_and_each_address_of_ipv4_its_own() -> None:
    delays = Delays()
    assert [delays.fail(f"2001:db8::{host}", 0) for host in (1, 2, "ffff:1:2:3")] == [2, 4, 8]
    assert delays.fail("2001:db8:0:1::1", 0) == 2
    assert [delays.fail(address, 0) for address in ("192.0.2.1", "::ffff:192.0.2.1", "::1", "127.0.0.1")] == [
        2,
        4,
        2,
        2,
    ]


def test_delays_of_so_many_addresses_are_kept_and_no_more() -> None:
    delays = Delays()
    assert [delays.fail("192.0.2.1", 0) for _ in range(2)] == [2, 4]
    for number in range(penalties.ADDRESSES - 1):
        delays.fail(f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}", 0)
    assert delays.fail("192.0.2.1", 0) == 8
    for number in range(penalties.ADDRESSES):
        delays.fail(f"11.{number >> 16}.{number >> 8 & 255}.{number & 255}", 0)
    assert delays.fail("192.0.2.1", 0) == 2


def test_count_without_end_does_not_overflow(settings: Settings) -> None:
    delays = Delays()
    assert [delays.fail("192.0.2.1", 0) for _ in range(2000)][-1] == 15


def test_answer_to_a_failed_login_waits_longer_each_time_then_the_connection_ends(strict: Server) -> None:
    with Client(strict.imap, source="127.0.1.1") as client:
        client.until(r"\* OK")
        for seconds in (0.1, 0.2, 0.4):
            began = time.monotonic()
            assert client.command("a LOGIN nobody wrong") == [f"a {FAILED}"]
            assert time.monotonic() - began >= seconds
        assert client.read_line() == b"* BYE too many failed logins"
        assert client.closed()
    began = time.monotonic()
    assert log_in(strict, "nobody", "wrong", "127.0.1.1") == FAILED  # the address is remembered
    assert time.monotonic() - began >= 0.8


def test_good_login_waits_for_nobody(strict: Server) -> None:
    for _ in range(3):
        assert log_in(strict, "nobody", "wrong", "127.0.1.2") == FAILED
    with Client(strict.imap, source="127.0.1.2") as failing, Client(strict.imap, source="127.0.1.2") as good:
        failing.until(r"\* OK")
        good.until(r"\* OK")
        failing.line("a LOGIN nobody wrong")
        assert good.command("b LOGIN demo demo")[-1].startswith("b OK")
        assert not select.select([failing.socket], [], [], 0)[0]
        assert failing.until("a ") == [f"a {FAILED}"]


def test_malformed_login_waits_as_well(strict: Server) -> None:
    with Client(strict.imap, source="127.0.1.3") as client:
        client.until(r"\* OK")
        began = time.monotonic()
        assert client.command("a AUTHENTICATE PLAIN eA==") == [f"a {FAILED}"]
        assert time.monotonic() - began >= 0.1


# Lock-out


@pytest.mark.parametrize("username", ["ann", "nobody"])
def test_user_is_locked_out_at_one_address_and_looks_as_with_a_wrong_password(strict: Server, username: str) -> None:
    source = f"127.0.2.{len(username)}"
    for _ in range(LOCKOUT):
        assert log_in(strict, username, "wrong", source) == FAILED
    assert last_reason(strict) == "wrong user name or password, locked out from now on"
    assert log_in(strict, username, username, source) == FAILED
    assert last_reason(strict) == "locked out"
    assert log_in(strict, "demo", "demo", source).startswith("OK")
    assert log_in(strict, "ann", "ann", "127.0.2.1").startswith("OK")
    strict.manage("axes_reset")
    assert log_in(strict, username, username, source).startswith("OK") == (username == "ann")


def test_login_that_succeeds_forgets_what_failed_before(strict: Server) -> None:
    for _ in range(2):
        for _ in range(LOCKOUT - 1):
            assert log_in(strict, "ann", "wrong", "127.0.2.9") == FAILED
        assert log_in(strict, "ann", "ann", "127.0.2.9").startswith("OK")


def test_lock_out_by_imap_holds_on_the_web(strict: Server) -> None:
    for _ in range(LOCKOUT):
        assert log_in(strict, "admin", "wrong", "127.0.0.1") == FAILED
    status, page = log_in_on_the_web(strict, "admin", "admin")
    assert status == 429
    assert "Too many failed logins" in page
    strict.manage("axes_reset_username", "admin")
    status, page = log_in_on_the_web(strict, "admin", "admin")
    assert (status, "Log out" in page) == (200, True)


def test_lock_out_on_the_web_holds_by_imap(strict: Server) -> None:
    for _ in range(LOCKOUT - 1):
        status, page = log_in_on_the_web(strict, "admin", "wrong")
        assert (status, "That was not right" in page) == (200, True)
    assert log_in_on_the_web(strict, "admin", "wrong")[0] == 429
    assert log_in(strict, "admin", "admin", "127.0.0.1") == FAILED
    assert last_reason(strict) == "locked out"
    assert log_in(strict, "admin", "admin", "127.0.2.2").startswith("OK")
    strict.manage("axes_reset_ip", "127.0.0.1")
    assert log_in(strict, "admin", "admin", "127.0.0.1").startswith("OK")


def test_each_login_is_not_logged_again(strict: Server) -> None:
    assert log_in(strict, "nobody", "wrong", "127.0.1.4") == FAILED
    assert "AXES" not in strict.logged()


@pytest.mark.django_db(transaction=True)
async def test_login_that_an_engine_decides_counts_too(settings: Settings) -> None:
    settings.AXES_FAILURE_LIMIT = 2
    name = "joe@example.org"
    assert await penalties.allowed(name, "2001:db8::1")
    await penalties.failed(name, "2001:db8::1")
    await penalties.succeeded(name, "2001:db8::1")
    for host in (1, 2):
        assert await penalties.allowed(name, "2001:db8::1")
        await penalties.failed(name, f"2001:db8::{host}")
    assert not await penalties.allowed(name, "2001:db8::3")
    assert await penalties.allowed(name, "2001:db8:0:1::1")
    assert await penalties.allowed("ann@example.org", "2001:db8::1")


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("address", ["192.0.2.1", "fe80::1%eth0", ""])
async def test_name_and_address_that_no_column_would_take_are_counted(settings: Settings, address: str) -> None:
    settings.AXES_FAILURE_LIMIT = 1
    await penalties.failed("x" * 1024, address)
    assert not await penalties.allowed("x" * 1024, address)
    await penalties.succeeded("x" * 1024, address)
    assert await penalties.allowed("x" * 1024, address)
