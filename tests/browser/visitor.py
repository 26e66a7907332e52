"""Somebody with a browser, on the page."""

import re
from typing import Self
from urllib.parse import urlsplit

from playwright.sync_api import BrowserContext, ConsoleMessage, Page, Request, expect

PASSWORD = "wonderland"
#: Chromium itself writes a line for each refusal of the server's; those of the API are what this page is about.
REFUSAL = re.compile(r"Failed to load resource: the server responded with a status of (400|401|403)")
#: Says in the console what the Content-Security-Policy forbade, in words that cannot be mistaken.
REPORT = """addEventListener("securitypolicyviolation", ({ violatedDirective, blockedURI }) =>
  console.error(`CSP violated: ${violatedDirective} ${blockedURI}`));"""


class Visitor:
    """One browser profile; `page` is its first tab. `problems`: what its console complains about."""

    def __init__(self, context: BrowserContext, base: str) -> None:
        self.context = context
        self.base = base
        self.problems: list[str] = []
        #: Every request, "METHOD /path", of all tabs.
        self.requests: list[str] = []
        context.add_init_script(REPORT)
        context.on("console", self._console)
        context.on("weberror", lambda error: self.problems.append(str(error.error)))
        context.on("request", self._request)
        self.page = context.new_page()

    def _console(self, message: ConsoleMessage) -> None:
        url = urlsplit(message.location.get("url", ""))
        expected = REFUSAL.match(message.text) and url.path.startswith(("/api/", "/auth/"))
        if message.type in ("error", "warning") and not expected:
            self.problems.append(f"{message.type}: {message.text} ({url.path})")

    def _request(self, request: Request) -> None:
        self.requests.append(f"{request.method} {urlsplit(request.url).path}")

    def open(self, view: str = "", page: Page | None = None) -> Self:
        page = page or self.page
        page.goto(f"{self.base}/#{view}" if view else f"{self.base}/")
        expect(page.locator("body")).not_to_have_class(re.compile("starting"))
        return self

    def tab(self, view: str = "") -> Page:
        page = self.context.new_page()
        self.open(view, page)
        return page

    def fill_in(self, name: str, transport: str = "hybrid", device: str = "", password: str = PASSWORD) -> Self:
        page = self.page
        page.get_by_label("Name", exact=True).fill(name)
        page.get_by_label("Password", exact=True).fill(password)
        page.get_by_role("radio", name=transport.capitalize(), exact=True).check()
        if device:
            page.get_by_label("Call this device").fill(device)
        page.get_by_role("button", name="Sign in").click()
        return self

    def sign_in(self, name: str, transport: str = "hybrid", device: str = "", password: str = PASSWORD) -> Self:
        self.fill_in(name, transport, device, password)
        self.wears(name)
        return self

    def wears(self, name: str, page: Page | None = None) -> None:
        """Wait until the badge says so."""
        expect((page or self.page).locator("#badge .name")).to_have_text(name)

    def go(self, view: str) -> Self:
        """By the menu."""
        self.page.get_by_role("navigation", name="Views").get_by_role("link", name=view).click()
        expect(self.page.get_by_role("heading", level=1)).to_have_text(view)
        return self
