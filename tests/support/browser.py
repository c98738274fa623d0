"""Debian's Chromium, and the windows of people in it. Whatever goes wrong in a page is a fault of its window."""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from playwright.sync_api import Browser, BrowserContext, Page, Request, expect, sync_playwright

from tests.support import peers

NAMES = ("chromium", "chromium-browser", "google-chrome")
PATIENCE = 15_000
"""Milliseconds for what a page is to show: far more than it takes, so that only a hang meets it."""

DESKTOP, PHONE = (1400, 900), (390, 844)


@contextmanager
def chromium() -> Iterator[Browser]:
    """A browser; without one the test is skipped, or fails where peers are required."""
    found = next(filter(None, map(peers.find, NAMES[1:])), None)
    program = found or peers.require(NAMES[0], "chromium")
    # As root it has no sandbox to start in. /dev/shm is too small for it in most containers.
    arguments = ["--disable-gpu", "--disable-dev-shm-usage", "--disable-background-networking"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=program, args=arguments, chromium_sandbox=os.geteuid() != 0
        )
        expect.set_options(timeout=PATIENCE)
        try:
            yield browser
        finally:
            browser.close()


class Window:
    """One person's window, with cookies of its own."""

    def __init__(self, browser: Browser, web: str, **options: Any) -> None:
        """`options` are those of Playwright's `new_context`."""
        self.web = web
        self.context: BrowserContext = browser.new_context(base_url=web, **options)
        self.context.set_default_timeout(PATIENCE)
        self.faults: list[str] = []
        self.page = self.new_page()

    def new_page(self) -> Page:
        """One more of its tabs."""
        page = self.context.new_page()
        page.on("console", lambda said: self._fault(f"console: {said.text}") if said.type == "error" else None)
        page.on("pageerror", lambda error: self._fault(f"exception: {error}"))
        page.on("requestfailed", self._failed)
        return page

    def log_in(self, name: str, password: str | None = None) -> None:
        self.open("/admin/login/")
        self.page.get_by_label("Username").fill(name)
        self.page.get_by_label("Password").fill(name if password is None else password)
        self.page.get_by_role("button", name="Log in").click()
        expect(self.page).not_to_have_url(re.compile("/login/"))

    def open(self, address: str) -> Page:
        self.page.goto(address, wait_until="load")
        return self.page

    def expected(self, pattern: str) -> None:
        """What the test did on purpose is no fault: there was at least one of this pattern."""
        left = [each for each in self.faults if not re.search(pattern, each)]
        assert len(left) < len(self.faults), f"no fault like {pattern!r} among {self.faults}"
        self.faults[:] = left

    def close(self) -> None:
        self.context.close()

    def _fault(self, text: str) -> None:
        self.faults.append(f"{text} (on {self.page.url})")

    def _failed(self, request: Request) -> None:
        # What a page has under way when one leaves it is given up.
        if request.failure != "net::ERR_ABORTED":
            self._fault(f"{request.method} {request.url}: {request.failure}")


class Windows:
    """Windows of a server's pages: `windows("admin", width=390)`. Each person logs in once, by the form."""

    def __init__(self, browser: Browser, web: str, logins: dict[str, Any]) -> None:
        """`logins`: cookies of those who have logged in already, kept for who is asked for again."""
        self.browser, self.web, self.logins = browser, web, logins
        self.open: list[Window] = []

    def __call__(
        self, name: str = "", *, dark: bool = False, size: tuple[int, int] = DESKTOP, **options: Any
    ) -> Window:
        """Without a name nobody has logged in."""
        if name and name not in self.logins:
            first = self._window()
            first.log_in(name)
            self.logins[name] = first.context.storage_state()
        options |= {"color_scheme": "dark" if dark else "light", "viewport": {"width": size[0], "height": size[1]}}
        return self._window(storage_state=self.logins.get(name), **options)

    def close(self) -> list[str]:
        """Close them all; the faults that they had."""
        for window in self.open:
            window.close()
        return [fault for window in self.open for fault in window.faults]

    def _window(self, **options: Any) -> Window:
        self.open.append(Window(self.browser, self.web, **options))
        return self.open[-1]
