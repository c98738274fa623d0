"""The console, by the keyboard alone."""

import re

from playwright.sync_api import Page, expect

from tests.support.browser import Windows


def type_line(page: Page, line: str) -> None:
    page.keyboard.type(line)
    page.keyboard.press("Enter")


def test_dialogue_is_held_by_keyboard_and_says_how_it_came_out(windows: Windows) -> None:
    page = windows("admin").open("/admin/commands/verb/console/")
    screen = page.locator(".xterm-rows")
    expect(screen).to_contain_text(">")
    type_line(page, "calendar")
    type_line(page, "add today 8:00 make coffee")
    expect(screen).to_contain_text("ok")
    type_line(page, "list today")
    expect(screen).to_contain_text(re.compile("make coffee.*list today.*8:00 make coffee"))
    type_line(page, "quit")
    expect(page.locator("#terminal-status")).to_contain_text("exit 0")


def test_refusal_leads_to_its_explanation(windows: Windows) -> None:
    page = windows("admin").open("/admin/commands/verb/console/")
    screen = page.locator(".xterm-rows")
    expect(screen).to_contain_text(">")
    type_line(page, "whitelist list")
    expect(screen).to_contain_text(re.compile("Refused"))
    page.locator("#terminal-status").get_by_role("link").first.click()
    expect(page.locator("main")).to_contain_text("whitelist")
