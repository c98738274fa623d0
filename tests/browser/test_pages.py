"""Every page, light and dark, on a desk and on a phone: nothing goes wrong in it, and everybody can use it."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.browser import axe
from tests.browser.addresses import address, pages
from tests.support.browser import DESKTOP, PHONE, Window, Windows
from tests.support.server import Server

SIZES = {"desk": DESKTOP, "phone": PHONE}


@pytest.fixture(scope="module", params=["light", "dark"])
def window(request: pytest.FixtureRequest, browser: Browser, server: Server) -> Iterator[Window]:
    assert server.web is not None
    windows = Windows(browser, server.web, {})
    window = windows("admin", dark=request.param == "dark")
    window.context.add_init_script(axe.script())
    yield window
    windows.close()


@pytest.fixture(scope="module")
def report(artifacts: Path) -> Iterator[list[str]]:
    lines: list[str] = []
    yield lines
    (artifacts / "axe.txt").write_text("\n".join([f"{len(lines)} findings", *lines, ""]))


@pytest.mark.parametrize("route", pages())
def test_page_is_without_fault_and_without_serious_finding(
    window: Window, server: Server, route: str, report: list[str], artifacts: Path, request: pytest.FixtureRequest
) -> None:
    window.faults.clear()
    scheme = request.node.callspec.params["window"]
    page = window.open(address(route, server))
    found = []
    rules = axe.COLOURS if scheme == "dark" else ()
    for name, (width, height) in SIZES.items():
        page.set_viewport_size({"width": width, "height": height})
        here = [f"{route} {scheme} {name}: {each}" for each in axe.findings(page, rules)]
        report += here
        found += [line for line in here if any(f": {impact}: " in line for impact in axe.SERIOUS)]
        page.screenshot(path=artifacts / "pages" / f"{file_name(route)}-{name}-{scheme}.png", full_page=True)
        wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        if wide > 0:
            found.append(f"{route} {scheme} {name}: {wide} pixels wider than the window")
    assert found + window.faults == []


def file_name(route: str) -> str:
    return re.sub(r"<\w+:?(\w*)>/|\W+", "-", route.removeprefix("admin/")).strip("-") or "overview"
