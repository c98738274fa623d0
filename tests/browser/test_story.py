"""From a new verb to its replay, as the people do it whose work it is. Each test goes on where the one before ended."""

import re
from collections.abc import Iterator
from imaplib import IMAP4

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.support.browser import PATIENCE, Windows
from tests.support.server import Server

VERB = "chat"


@pytest.fixture(scope="module")
def imap(server: Server) -> Iterator[IMAP4]:
    """ann's mail client. She is in the group staff."""
    with IMAP4(*server.imap, timeout=PATIENCE / 1000) as client:
        client.login("ann", "ann")
        yield client


def test_verb_editor_adds_a_verb(windows: Windows) -> None:
    page = windows("verber").open("/admin/commands/verb/add/")
    page.locator("#id_name").fill(VERB)
    page.locator("#verb-argv-0").fill("/usr/bin/cat")
    page.locator("#id_mode").select_option("interactive")
    page.locator("#id_transcript").select_option("full")
    expect(page.locator("#verb-sample-answer")).to_contain_text("/usr/bin/cat")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_role("status")).to_contain_text("was added successfully")


def test_rule_editor_allows_it_for_a_group(windows: Windows) -> None:
    page = windows("ruler").open("/admin/commands/rule/add/")
    choose(page, "Group", "staff")
    choose(page, "Verb", VERB)
    page.locator("#id_reason").fill("staff talk to each other")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_role("status")).to_contain_text("was added successfully")


def test_operator_lifts_the_lock_of_one_of_them(windows: Windows) -> None:
    page = windows("operator").open("/admin/commands/lock/")
    page.get_by_role("row").filter(has_text="user ann").get_by_role("button", name="Unlock").click()
    expect(page.get_by_role("status")).to_contain_text("Lifted lock")


def test_verb_editor_tries_it_as_one_of_them(windows: Windows, server: Server) -> None:
    page = windows("verber").open("/admin/commands/verb/")
    page.get_by_role("link", name=VERB, exact=True).click()
    page.get_by_role("link", name="Try it").click()
    page.get_by_label("User").fill("demo")
    expect(page.locator("#try-answer")).to_contain_text("No")
    page.get_by_label("User").fill("ann")
    expect(page.locator("#try-answer")).to_contain_text("Yes")
    expect(page.locator("#try-answer li")).to_have_text(["/usr/bin/cat"])
    page.get_by_label("First lines").fill("is anybody there?")
    page.get_by_role("button", name="Run it").click()
    expect(screen(page)).to_contain_text("is anybody there?")
    page.get_by_role("button", name="End the input").click()
    expect(page.locator("#terminal-status")).to_contain_text("exit 0")
    by = "SELECT DISTINCT actor, client_id FROM commands_auditevent WHERE door = 'try'"
    assert server.query(by) == [("ann", "tried by verber")]


def test_live_page_shows_it_and_a_watcher_sees_it_until_an_operator_ends_it(
    windows: Windows, imap: IMAP4, server: Server
) -> None:
    live = windows("operator").open("/admin/commands/connection/")
    expect(live.get_by_role("region", name="Who is connected")).to_contain_text("ann")
    expect(live.get_by_role("region", name="What runs")).to_contain_text("Nothing runs now")
    imap.send(b"x1 EXECUTE chat\r\nx1 hello\r\n")
    assert imap.readline() == b"x1 OK [EXECUTING] chat\r\n"
    assert imap.readline() == b"x1 hello\r\n"
    row = live.get_by_role("row").filter(has_text=VERB)
    expect(row).to_contain_text("ann")

    watch = windows("auditor").open("/admin/commands/connection/")
    watch.get_by_role("link", name=re.compile("Watch")).click()
    expect(watch.locator("#live-state")).to_have_attribute("data-state", "live")
    imap.send(b"x1 who is there?\r\n")
    expect(watch.locator("#watch-screen .replay-i")).to_contain_text("who is there?")
    expect(watch.locator("#watch-screen .replay-o")).to_contain_text("who is there?")

    row.get_by_role("link", name=re.compile("End")).click()
    live.get_by_label("Reason").fill("gone on too long")
    live.get_by_role("dialog").get_by_role("button", name="End").click()
    assert imap.readline() == b"x1 who is there?\r\n"
    assert imap.readline() == b"x1 NO [CANCELED] chat was ended by an administrator\r\n"
    expect(row).to_have_count(0)
    expect(watch.locator("#watch-screen")).to_contain_text("ended by operator: gone on too long")
    end = f"SELECT reason FROM commands_auditevent WHERE verb = '{VERB}' AND kind = 'exit' AND outcome = 'ended'"
    assert server.query(end) == [("by operator: gone on too long",)]
    assert imap.noop()[0] == "OK"


def test_auditor_replays_it(windows: Windows) -> None:
    page = windows("auditor").open(f"/admin/commands/execution/?verb={VERB}")
    page.get_by_role("row").filter(has_text="ended").get_by_role("link").first.click()
    page.get_by_role("link", name="Replay").click()
    page.get_by_label("Position").focus()
    page.keyboard.press("End")
    expect(page.locator("#replay-screen")).to_contain_text("who is there?")


def choose(page: Page, label: str, text: str) -> None:
    """In a field whose rows are found by what one types."""
    page.locator(".select2-selection").and_(page.get_by_role("combobox", name=label)).click()
    page.locator(".select2-search__field").last.fill(text)
    page.locator(".select2-results__option", has_text=text).first.click()


def screen(page: Page) -> Locator:
    return page.locator("#terminal .xterm-rows")
