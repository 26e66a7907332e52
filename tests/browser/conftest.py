"""Debian's Chromium, driven by Playwright, on the demo as two real worker processes."""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, sync_playwright

from ..conftest import NOTES
from .servers import Site, elsewhere, serving
from .visitor import Visitor

CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
ARGUMENTS = [
    "--no-sandbox",  # it refuses to run as root otherwise; it only meets our own pages
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-sync",
    "--no-first-run",
    "--no-default-browser-check",
]
WIDE = {"width": 1280, "height": 900}


@pytest.fixture(scope="session")
def chromium(request: pytest.FixtureRequest) -> str:
    """Where Chromium is. Without it these tests are skipped, loudly; under CI they fail."""
    found = next((path for name in CHROMIUM if (path := shutil.which(name))), None)
    if found is None:
        note = "THE PAGE IS NOT TESTED: there is no Chromium (Debian: apt-get install chromium)."
        if os.environ.get("CI", "").lower() in ("true", "1"):
            pytest.fail(note, pytrace=False)
        notes = request.config.stash[NOTES]
        if note not in notes:
            notes.append(note)
        pytest.skip(note)
    return found


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Browser]:
    """With an empty profile. One per module, since Django's ORM refuses to work next to Playwright's event loop."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture(scope="package")
def trusted() -> Iterator[Site]:
    with elsewhere() as site:
        yield site


@pytest.fixture(scope="package")
def untrusted() -> Iterator[Site]:
    with elsewhere() as site:
        yield site


@pytest.fixture(scope="package")
def base(chromium: str, tmp_path_factory: pytest.TempPathFactory, trusted: Site, untrusted: Site) -> Iterator[str]:
    """The demo."""
    origins = {"BROWSER_TRUSTED": trusted.origins, "BROWSER_UNTRUSTED": untrusted.origins}
    with serving(tmp_path_factory.mktemp("page") / "var", **origins) as base:
        yield base


@pytest.fixture
def new_context(browser: Browser) -> Iterator[Callable[..., BrowserContext]]:
    """Makes browser profiles that share nothing."""
    with ExitStack() as stack:

        def new_context(**options: Any) -> BrowserContext:
            context = browser.new_context(**{"viewport": WIDE, **options})
            context.set_default_timeout(15_000)
            stack.callback(context.close)
            return context

        yield new_context


@pytest.fixture
def visit(base: str, new_context: Callable[..., BrowserContext]) -> Iterator[Callable[..., Visitor]]:
    """Opens the page as somebody with a browser of their own; afterwards nothing may have gone wrong in its console."""
    visitors: list[Visitor] = []

    def visit(view: str = "", at: str = base, **options: Any) -> Visitor:
        visitor = Visitor(new_context(**options), at)
        visitors.append(visitor)
        visitor.open(view)
        return visitor

    yield visit
    assert [problem for visitor in visitors for problem in visitor.problems] == []


@pytest.fixture
def alice(visit: Callable[..., Visitor]) -> Visitor:
    return visit("signin").sign_in("alice")


@pytest.fixture(scope="session")
def screenshots() -> Path:
    folder = Path(__file__).parents[2] / "build" / "screenshots"
    folder.mkdir(parents=True, exist_ok=True)
    return folder
