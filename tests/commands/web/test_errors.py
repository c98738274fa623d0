"""Error pages, headers and limits of the server as in production: what a browser is told, and what never."""

import http.client
import re
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

import pytest

from tests.support.server import Server

MAP = "/admin/commands/verb/map/"


class Answer(NamedTuple):
    status: int
    headers: http.client.HTTPMessage
    text: str


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("errors"), DEBUG="0")
    (server.data / "static").mkdir()
    server.manage("migrate", "--verbosity", "0")
    server.python(
        "from django.contrib.auth.models import User; User.objects.create_superuser('joe', password='joe');"
        "User.objects.create_user('ann', password='ann', is_staff=True)"
    )
    with server.running("--engine", "none", SECOND_FACTOR="off", WEB_PROXY_FROM="127.0.0.2"):
        yield server
    server.close()


class Browser:
    """`address`: where it comes from; 127.0.0.2 is the web server in front."""

    def __init__(self, server: Server, address: str = "127.0.0.1") -> None:
        assert server.web
        self.host, self.address, self.cookies = urlsplit(server.web).netloc, address, dict[str, str]()

    def ask(self, method: str, path: str, body: bytes = b"", **headers: str) -> Answer:
        host, _, port = self.host.partition(":")
        connection = http.client.HTTPConnection(host, int(port), timeout=20, source_address=(self.address, 0))
        cookies = "; ".join(map("=".join, self.cookies.items()))
        given = {"Host": self.host, "Cookie": cookies} | {
            name.replace("_", "-"): text for name, text in headers.items()
        }
        connection.request(method, path, body or None, given)
        response = connection.getresponse()
        answer = Answer(response.status, response.headers, response.read().decode())
        connection.close()
        for cookie in answer.headers.get_all("Set-Cookie") or ():
            name, _, value = cookie.partition(";")[0].partition("=")
            self.cookies[name] = value
        return answer

    def log_in(self, user: str) -> Answer:
        page = self.ask("GET", "/admin/login/", X_Forwarded_Proto="https").text
        found = re.search('name="csrfmiddlewaretoken" value="([^"]+)', page)
        assert found
        form = f"csrfmiddlewaretoken={found[1]}&username={user}&password={user}&code=&next=/admin/".encode()
        headers = {
            "Content_Type": "application/x-www-form-urlencoded",
            "X_Forwarded_Proto": "https",
            "Referer": f"https://{self.host}/admin/login/",
        }
        return self.ask("POST", "/admin/login/", form, **headers)


@pytest.fixture
def browser(server: Server) -> Browser:
    """Over TLS, by the web server in front."""
    return Browser(server, "127.0.0.2")


def is_error_page(answer: Answer, status: int, heading: str) -> bool:
    assert answer.status == status
    assert "Traceback" not in answer.text
    assert "SECRET_KEY" not in answer.text
    assert "style=" not in answer.text
    assert "script-src 'self';" in answer.headers["Content-Security-Policy"] + ";"
    return f"<h1>{heading}</h1>" in answer.text


def test_unknown_address_says_what_to_do(browser: Browser) -> None:
    assert is_error_page(browser.ask("GET", "/nothing/", X_Forwarded_Proto="https"), 404, "There is nothing here")


def test_host_name_that_is_not_ours_is_a_bad_request(browser: Browser) -> None:
    answer = browser.ask("GET", "/admin/login/", Host="evil.example", X_Forwarded_Proto="https")
    assert is_error_page(answer, 400, "This request can't be understood")


def test_form_without_the_token_is_refused_with_the_way_out(browser: Browser) -> None:
    headers = {"X_Forwarded_Proto": "https", "Content_Type": "application/x-www-form-urlencoded"}
    answer = browser.ask("POST", "/admin/login/", b"username=joe&password=joe", **headers)
    assert is_error_page(answer, 403, "It is not certain that you sent this")


def test_page_of_others_says_who_one_is(browser: Browser) -> None:
    browser.log_in("ann")
    answer = browser.ask("GET", "/admin/commands/verb/", X_Forwarded_Proto="https")
    assert is_error_page(answer, 403, "You have no right to do this")
    assert "<b>ann</b>" in answer.text


def test_fault_of_the_server_shows_no_settings_and_needs_no_database(tmp_path: Path) -> None:
    server = Server(tmp_path, DEBUG="0")
    (server.data / "static").mkdir()
    with server.running("--engine", "none"):  # nothing was migrated: there are no tables
        answer = Browser(server).ask("GET", "/admin/", Cookie="__Host-imapx-session=" + "x" * 32)
        assert is_error_page(answer, 500, "The server has failed")
    server.close()


def test_cookies_are_of_this_host_alone_over_tls_alone_and_out_of_reach_of_scripts(browser: Browser) -> None:
    answer = browser.log_in("joe")
    assert answer.status == 302
    session = next(each for each in answer.headers.get_all("Set-Cookie") if each.startswith("__Host-imapx-session="))
    attributes = {each.strip().lower() for each in session.split(";")[1:]}
    assert {"secure", "httponly", "samesite=strict", "path=/"} <= attributes
    assert not any(each.startswith("domain") for each in attributes)


def test_pages_are_kept_nowhere_and_framed_nowhere(browser: Browser) -> None:
    browser.log_in("joe")
    headers = browser.ask("GET", "/admin/", X_Forwarded_Proto="https").headers
    assert {"private", "no-store"} <= {each.strip() for each in headers["Cache-Control"].split(",")}
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert "camera=()" in headers["Permissions-Policy"]
    assert headers["Strict-Transport-Security"] == "max-age=31536000"


def test_request_without_tls_is_led_to_it(browser: Browser) -> None:
    answer = browser.ask("GET", "/admin/login/")
    assert (answer.status, answer.headers["Location"]) == (301, f"https://{browser.host}/admin/login/")


def test_only_the_web_server_in_front_is_believed_about_tls(server: Server) -> None:
    answer = Browser(server, "127.0.0.1").ask("GET", "/admin/login/", X_Forwarded_Proto="https")
    assert answer.status == 301


def test_host_that_is_forwarded_is_ignored(browser: Browser) -> None:
    answer = browser.ask("GET", "/admin/", X_Forwarded_Proto="https", X_Forwarded_Host="evil.example")
    assert answer.headers["Location"] == "/admin/login/?next=/admin/"


def failed_from(server: Server, address: str, forwarded: str) -> str:
    browser = Browser(server, address)
    page = browser.ask("GET", "/admin/login/", X_Forwarded_Proto="https", X_Forwarded_For=forwarded)
    found = re.search('name="csrfmiddlewaretoken" value="([^"]+)', page.text)
    assert found
    browser.ask(
        "POST",
        "/admin/login/",
        f"csrfmiddlewaretoken={found[1]}&username=joe&password=wrong&code=".encode(),
        Content_Type="application/x-www-form-urlencoded",
        Referer=f"https://{browser.host}/",
        X_Forwarded_Proto="https",
        X_Forwarded_For=forwarded,
    )
    statement = "SELECT remote_addr FROM commands_auditevent WHERE outcome = 'failed' ORDER BY id DESC LIMIT 1"
    return str(server.query(statement)[0][0])


@pytest.mark.parametrize(
    ("forwarded", "client"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("203.0.113.9, 192.0.2.7", "192.0.2.7"),  # the first is what the client itself has claimed
        ("192.0.2.7, 127.0.0.2", "192.0.2.7"),  # two of ours, one behind the other
    ],
)
def test_client_is_whom_the_web_server_in_front_has_seen(server: Server, forwarded: str, client: str) -> None:
    assert failed_from(server, "127.0.0.2", forwarded) == client


def test_monitors_address_can_not_be_forged(server: Server) -> None:
    assert Browser(server, "127.0.0.2").ask("GET", "/metrics", X_Forwarded_For="192.0.2.7").status == 404
    assert Browser(server, "127.0.0.1").ask("GET", "/metrics", X_Forwarded_For="192.0.2.7").status == 200


def test_body_over_the_limit_is_refused_before_it_is_read(browser: Browser) -> None:
    answer = browser.ask("POST", "/admin/login/", b"x" * (256 * 1024 + 1), X_Forwarded_Proto="https")
    assert (answer.status, answer.text) == (413, "The request is too large: at most 262144 bytes are taken here.\n")


def test_map_page_takes_a_large_map(browser: Browser) -> None:
    # Read as far as the token that it lacks.
    assert browser.ask("POST", MAP, b"x" * 1_000_000, X_Forwarded_Proto="https").status == 403


def test_body_in_chunks_is_counted(server: Server) -> None:
    host, _, port = Browser(server).host.partition(":")
    with socket.create_connection((host, int(port)), timeout=20) as connection:
        head = f"POST /admin/login/ HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
        connection.sendall(head.encode() + b"50000\r\n" + b"x" * 0x50000 + b"\r\n0\r\n\r\n")
        assert connection.makefile("rb").readline() == b"HTTP/1.1 413 Request Entity Too Large\r\n"


def test_no_file_beside_the_static_ones_is_served(browser: Browser) -> None:
    for path in (
        "/static/../db.sqlite3",
        "/static/%2e%2e/db.sqlite3",
        "/static//etc/passwd",
        "/static/..%2fdb.sqlite3",
    ):
        assert browser.ask("GET", path, X_Forwarded_Proto="https").status == 404, path


def test_settings_of_production_have_no_finding(server: Server) -> None:
    assert "no issues" in server.manage("check", "--deploy", "--fail-level", "WARNING")
