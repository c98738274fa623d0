"""The form of a verb in the browser: its argument vector as rows, and what would run by what is typed, not saved."""

import json
import re

import pytest
from playwright.sync_api import Page, expect

from tests.support.browser import DESKTOP, PHONE, Windows

ADD = "/admin/commands/verb/add/"


@pytest.fixture(params=[DESKTOP, PHONE], ids=["desk", "phone"])
def form(request: pytest.FixtureRequest, windows: Windows) -> Page:
    page = windows("admin", size=request.param).open(ADD)
    page.locator("#verb-argv-0").fill("/bin/echo")
    return page


def vector(page: Page) -> list[str]:
    """What would be sent."""
    elements: list[str] = json.loads(page.locator("#id_argv").input_value())
    return elements


def test_rows_are_added_moved_and_removed_by_keyboard(form: Page) -> None:
    form.locator("#verb-argv-0").press("Enter")
    form.keyboard.type("one")
    form.keyboard.press("Enter")
    form.keyboard.type('two "x"')
    assert vector(form) == ["/bin/echo", "one", 'two "x"']
    form.keyboard.press("Alt+ArrowUp")
    assert vector(form) == ["/bin/echo", 'two "x"', "one"]
    expect(form.locator("#verb-argv-1")).to_be_focused()
    form.get_by_role("button", name="Remove: element 1").press("Enter")
    assert vector(form) == ["/bin/echo", "one"]
    expect(form.locator("#verb-argv-1")).to_be_focused()
    expect(form).to_have_url(re.compile(f"{ADD}$"))  # Enter has not sent it


def test_rows_follow_the_text_and_are_gone_while_it_is_no_list(form: Page) -> None:
    form.get_by_role("button", name="Edit as JSON").click()
    text = form.locator("#id_argv")
    text.fill('["/bin/echo", "a b"]')
    expect(form.locator("#verb-argv-1")).to_have_value("a b")
    text.fill('["/bin/echo", ')
    expect(form.locator("#verb-argv-0")).to_be_hidden()
    text.fill("[]")
    expect(form.locator("#verb-argv-0")).to_be_visible()


def test_what_would_run_follows_what_is_typed(form: Page) -> None:
    answer = form.get_by_role("region", name="What would run for the sample arguments")
    form.get_by_role("button", name="Add an element").click()
    form.locator("#verb-argv-1").fill("{who}")
    expect(answer).to_contain_text("'{who}' is the name of no parameter")
    form.get_by_text("Add another Signature").click()
    form.locator("#signatures-0-parameters-group, #signatures-group").get_by_text("Add another Parameter").first.click()
    form.locator("[name=signatures-0-parameters-0-name]").fill("who")
    form.get_by_role("textbox", name="Sample arguments").fill("joe; id")
    expect(answer.get_by_role("list", name="Argument vector")).to_contain_text('"joe; id"')
    expect(form.locator("#verb-sample-said")).to_have_text("Signature 1: /bin/echo 'joe; id'")
    form.get_by_role("textbox", name="Sample arguments").fill("-n")
    expect(answer).to_contain_text("argument 1 (WHO) begins with -")


def test_what_would_run_is_of_the_chosen_kind(form: Page) -> None:
    answer = form.get_by_role("region", name="What would run for the sample arguments")
    form.get_by_label("Kind").select_option("socket")
    expect(form.locator("#verb-argv-0")).to_be_hidden()
    expect(answer).to_contain_text("A socket needs this.")
    form.get_by_label("Address").fill("unix:/run/service")
    expect(answer).to_contain_text("Connects to unix:/run/service")
