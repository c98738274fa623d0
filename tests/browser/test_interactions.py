"""What unfold's pages do in the browser, under a policy without inline scripts: none of it is a fault."""

import re

import pytest
from playwright.sync_api import expect

from tests.support.browser import DESKTOP, PHONE, Windows

SIZES = pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desk", "phone"])
VERBS = "/admin/commands/verb/"


def test_wrong_password_is_refused_with_a_message(windows: Windows) -> None:
    page = windows().open("/admin/login/")
    page.get_by_label("Username").fill("admin")
    page.get_by_label("Password").fill("wrong")
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("alert")).to_be_visible()


def test_theme_that_is_chosen_by_keyboard_outlives_the_page(windows: Windows) -> None:
    page = windows("admin").open("/admin/")
    page.get_by_role("button", name=re.compile("admin")).focus()
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Dark").press("Enter")
    page.reload()
    expect(page.locator("html")).to_have_class(re.compile("dark"))
    page.keyboard.press("Control+e")
    expect(page.locator("html")).not_to_have_class(re.compile("dark"))


def test_sidebar_that_is_hidden_stays_so(windows: Windows) -> None:
    page = windows("admin").open("/admin/")
    page.get_by_role("button", name="Sidebar").press("Enter")
    expect(page.get_by_role("link", name="Verbs", exact=True)).to_be_hidden()
    page.reload()
    expect(page.get_by_role("link", name="Verbs", exact=True)).to_be_hidden()


def test_sidebar_opens_on_a_phone(windows: Windows) -> None:
    page = windows("admin", size=PHONE).open("/admin/")
    verbs = page.get_by_role("navigation").get_by_role("link", name="Verbs", exact=True)
    expect(verbs).to_be_hidden()
    page.get_by_role("button", name="Sidebar").click()
    verbs.click()
    expect(page).to_have_url(re.compile(VERBS))


def test_search_of_pages_leads_to_the_one_that_is_chosen(windows: Windows) -> None:
    page = windows("admin").open("/admin/")
    page.keyboard.press("Control+k")
    search = page.get_by_placeholder("Type to search")
    search.press_sequentially("ver")
    expect(page.locator("#command-results a").first).to_be_visible()
    search.press("ArrowDown")
    search.press("Enter")
    expect(page).to_have_url(re.compile("/admin/commands/"))
    page.wait_for_load_state()
    page.keyboard.press("Control+k")
    expect(search).to_be_focused()
    page.keyboard.press("Escape")
    expect(search).to_be_hidden()


@SIZES
def test_filters_of_a_list_open_and_close_and_narrow_it(windows: Windows, size: tuple[int, int]) -> None:
    page = windows("admin", size=size).open("/admin/commands/auditevent/")
    page.get_by_role("button", name="Filters").click()
    panel = page.locator("#changelist-filter")
    expect(panel).to_contain_text("days in UTC")
    page.keyboard.press("Escape")
    expect(panel).to_be_hidden()
    page.get_by_role("button", name="Filters").click()
    panel.locator("select[name=kind]").select_option("reject", force=True)
    panel.get_by_role("button", name="Apply").click()
    expect(page).to_have_url(re.compile("kind=reject"))
    expect(page.locator("#result_list")).to_contain_text("joe@smith.com")


def test_day_is_chosen_from_a_calendar(windows: Windows) -> None:
    page = windows("admin").open("/admin/commands/execution/")
    page.get_by_role("button", name="Filters").click()
    first = page.locator("#changelist-filter input.vDateField, #changelist-filter input[name=started_from]").first
    first.fill("2026-01-02")
    page.locator("#changelist-filter").get_by_role("button", name="Apply").click()
    expect(page).to_have_url(re.compile("started_from=2026-01-02"))


def test_slash_searches_a_list_and_its_head_sorts_it(windows: Windows) -> None:
    page = windows("admin").open(VERBS)
    page.keyboard.press("/")
    page.keyboard.type("calendar")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("q=calendar"))
    page.locator("#result_list thead a").first.click()
    expect(page).to_have_url(re.compile("o="))


def test_rows_are_deleted_after_a_page_that_asks(windows: Windows) -> None:
    page = windows("admin").open("/admin/commands/tag/")
    page.locator("input.action-select").first.check()
    page.get_by_label("Select action to run").select_option("delete_selected")
    page.get_by_role("button", name="Run").click()
    expect(page.locator("main")).to_contain_text("Are you sure")
    page.get_by_role("link", name=re.compile("No, take me back")).click()
    expect(page.locator("input.action-select").first).to_be_visible()


def test_row_of_a_form_is_added_and_taken_away(windows: Windows) -> None:
    page = windows("admin").open(f"{VERBS}add/")
    before = page.locator("[id^=signatures-]:not([id*=__prefix__]):not([id*=empty])").count()
    page.get_by_role("link", name=re.compile("Add another signature", re.IGNORECASE)).first.click()
    expect(page.locator("[id^=signatures-]:not([id*=__prefix__]):not([id*=empty])")).not_to_have_count(before)


@SIZES
def test_form_with_errors_says_where_they_are(windows: Windows, size: tuple[int, int]) -> None:
    page = windows("admin", size=size).open("/admin/commands/tag/add/")
    page.get_by_label("Name").fill("no good name!")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.locator(".errorlist, .errornote, [role=alert]").first).to_be_visible()


def test_permissions_are_chosen_from_two_lists(windows: Windows) -> None:
    page = windows("admin").open("/admin/auth/group/add/")
    page.locator("#id_permissions_from option").first.click()
    page.get_by_role("button", name=re.compile("Choose selected")).click()
    expect(page.locator("#id_permissions_to option")).to_have_count(1)


def test_related_row_is_made_in_a_window_of_its_own(windows: Windows) -> None:
    window = windows("admin")
    page = window.open("/admin/commands/rule/add/")
    page.locator("[x-ref=relatedWidgetWrappergroup]").press("Enter")
    with window.context.expect_page() as opened:
        page.locator("#add_id_group").click()
    popup = opened.value
    popup.get_by_label("Name").fill("made beside")
    with popup.expect_event("close"):
        popup.get_by_role("button", name="Save", exact=True).click()
    expect(page.locator("#id_group option:checked")).to_have_text("made beside")


def test_replay_plays_and_finds(windows: Windows) -> None:
    page = windows("auditor").open("/admin/commands/execution/?verb=calendar")
    page.locator("#result_list a").first.click()
    page.get_by_role("link", name="Replay").click()
    expect(page.locator("#replay-screen")).to_contain_text("make coffee")
    page.get_by_label("Search in the text").fill("coffee")
    page.get_by_label("Next match").click()
    expect(page.locator("#replay-found")).to_have_text("1 of 1")
    page.get_by_role("button", name="Play").click()
    expect(page.get_by_role("button", name="Pause")).to_be_visible()


def test_explanation_is_asked_for_by_its_form(windows: Windows) -> None:
    page = windows("auditor").open("/admin/commands/rule/explain/verb/")
    page.get_by_label(re.compile("verb", re.IGNORECASE)).first.fill("calendar")
    page.get_by_role("button", name="Show").click()
    expect(page.locator("main")).to_contain_text("demo")


def test_times_are_in_the_zone_of_who_looks_and_exact_to_point_at(windows: Windows) -> None:
    page = windows("auditor", timezone_id="Asia/Tokyo").open("/admin/commands/execution/")
    time = page.locator("#result_list time").first
    shown = time.evaluate("(time) => [time.dateTime, time.title, time.textContent]")
    exact = shown[0].replace("+00:00", "")
    assert re.fullmatch(rf"{re.escape(exact.replace('T', ' '))} UTC", shown[1])
    there = page.evaluate("(at) => new Date(at).toLocaleString('sv-SE', {timeZone: 'Asia/Tokyo'})", shown[0])
    assert shown[2] == there
    expect(page.locator(".site-zone")).to_contain_text("Asia/Tokyo")


def test_who_logs_out_is_out(windows: Windows) -> None:
    window = windows()
    window.log_in("verber")
    page = window.open("/admin/")
    page.get_by_role("button", name=re.compile("verber")).click()
    page.get_by_role("button", name="Log out").click()
    window.open("/admin/")
    expect(page).to_have_url(re.compile("/login/"))
