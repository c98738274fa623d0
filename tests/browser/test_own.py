"""A mail user's own page, and the second factor that everybody sets up for themselves."""

import base64
import re

from django_otp.oath import TOTP
from playwright.sync_api import expect

from tests.support.browser import PHONE, Windows
from tests.support.conversation import Client
from tests.support.server import Server


def test_user_who_locks_themselves_runs_nothing_until_the_lock_is_lifted(windows: Windows, server: Server) -> None:
    window = windows(size=PHONE)
    page = window.open("/me/")
    page.get_by_label("User name").fill("demo")
    page.get_by_label("Password").fill("demo")
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("heading", name="What you may run")).to_be_visible()
    with Client(server.imap) as client:
        client.log_in("demo")
        page.get_by_text("Lost your phone?").click()
        page.get_by_label("Why").fill("lost phone")
        page.get_by_role("button", name="Lock my account").click()
        expect(page.get_by_role("region", name="Lock")).to_contain_text("lost phone")
        assert "[NOPERM]" in client.command("1 EXECUTE blacklist list")[-1]
        page.get_by_role("button", name="Lift my lock").click()
        expect(page.get_by_role("region", name="Lock")).to_have_count(0)
        assert client.command("2 EXECUTE blacklist list")[-1].startswith("2 OK")


def test_second_factor_is_set_up_with_the_key_and_asked_for_from_then_on(windows: Windows, server: Server) -> None:
    page = windows("ruler").open("/security/")
    page.get_by_role("link", name="Set up").click()
    key = "".join(page.locator(".security-key").inner_text().split())
    page.get_by_label("The code").fill(code(key))
    page.get_by_role("button", name="Set up").click()
    expect(page.locator(".security-codes li").first).to_be_visible()
    codes = page.locator(".security-codes li").all_inner_texts()
    assert len(codes) > 1

    other = windows()
    page = other.open("/admin/login/")
    page.get_by_label("Username").fill("ruler")
    page.get_by_label("Password").fill("ruler")
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("alert")).to_be_visible()
    page.get_by_label("Username").fill("ruler")
    page.get_by_label("Password").fill("ruler")
    page.get_by_label("code").fill(codes[0])
    page.get_by_role("button", name="Log in").click()
    expect(page).not_to_have_url(re.compile("/login/"))


def test_page_that_is_open_closes_with_its_session(windows: Windows, server: Server) -> None:
    page = windows("operator").open("/admin/commands/connection/")
    state = page.locator("#live-state")
    expect(state).to_have_attribute("data-state", "live")
    server.python("from django.contrib.sessions.models import Session; Session.objects.all().delete()")
    expect(state).to_have_attribute("data-state", "lost")


def test_page_that_is_open_closes_with_the_right_to_it(windows: Windows, server: Server) -> None:
    window = windows("auditor")
    page = window.open("/admin/commands/connection/")
    state = page.locator("#live-state")
    expect(state).to_have_attribute("data-state", "live")
    server.python("from django.contrib.auth.models import User; User.objects.get(username='auditor').groups.clear()")
    expect(state).to_have_attribute("data-state", "lost")
    window.expected("status of 403")  # it asks whether it was lost for ever


def code(key: str) -> str:
    secret = base64.b32decode(key.upper() + "=" * (-len(key) % 8))
    return f"{TOTP(secret).token():06d}"
