"""Many tabs are one client: one refresh for all, one sign-out for all."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from .servers import serving

TABS = 5
#: Seconds that an access token lives on the server of this module.
LIFETIME = 2
REFRESH = "POST /auth/refresh/"


@pytest.fixture(scope="module")
def short(chromium: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A demo whose access tokens end quickly."""
    with serving(tmp_path_factory.mktemp("short") / "var", BROWSER_ACCESS_LIFETIME=str(LIFETIME)) as base:
        yield base


#: Resolves when the token of this tab has ended by its own clock; asks then, in every tab at the same moment of time.
ASK_AT = """async ([at, url]) => {
  await new Promise((resolve) => setTimeout(resolve, at - Date.now()));
  const { account } = await import("/page/js/account.js");
  const left = account.expiresIn;
  const answers = await Promise.all([1, 2, 3].map(() => account.call(url)));
  return { left, answered: answers.length, session: account.session };
}"""


@pytest.mark.parametrize("transport", ["hybrid", "cookie"])
def test_one_refresh_for_all_tabs(visit, short, transport):
    visitor = visit("signin", at=short).sign_in("alice", transport)
    tabs = [visitor.page, *(visitor.tab() for _ in range(TABS - 1))]
    for tab in tabs:
        visitor.wears("alice", tab)
    session = visitor.page.evaluate("import('/page/js/account.js').then(({ account }) => account.session)")
    at = visitor.page.evaluate(f"Date.now() + {LIFETIME * 1000 + 500}")
    for tab in tabs:  # begun in all of them, and only then waited for
        tab.evaluate(f"(given) => {{ globalThis.asked = ({ASK_AT})(given); }}", [at, "/auth/me/"])
    before = visitor.requests.count(REFRESH)
    outcomes = [tab.evaluate("() => globalThis.asked") for tab in tabs]
    assert visitor.requests.count(REFRESH) - before == 1
    for outcome in outcomes:
        assert outcome["left"] == 0
        assert outcome["answered"] == 3
        assert outcome["session"] == session
    for tab in tabs:
        visitor.wears("alice", tab)


@pytest.mark.parametrize("transport", ["hybrid", "cookie"])
def test_signed_out_in_one_tab_is_signed_out_in_all(visit, transport):
    visitor = visit("signin").sign_in("alice", transport)
    others = [visitor.tab(view) for view in ("feed", "devices", "tokens")]
    for tab in others:
        visitor.wears("alice", tab)
    visitor.page.get_by_role("button", name="Sign out", exact=True).click()
    for tab in [visitor.page, *others]:
        visitor.wears("Visitor", tab)
        expect(tab.locator("body")).to_have_class(re.compile("signed-out"))


def test_signed_in_in_one_tab_is_signed_in_in_all(visit):
    visitor = visit("signin")
    other = visitor.tab("feed")
    visitor.wears("Visitor", other)
    visitor.sign_in("bob")
    visitor.wears("bob", other)
