"""Every view at the width of a phone and of a desk, in light and dark: accessible, in bounds, and pictures of them.

The pictures are in build/screenshots, for people to look at.
"""

import re
from pathlib import Path

import pytest
from playwright.sync_api import expect

from . import axe

SIZES = {360: {"width": 360, "height": 780}, 1280: {"width": 1280, "height": 900}}
SCHEMES = {360: ["light"], 1280: ["dark", "light"]}  # colours do not depend on the width
OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
#: Emulation returns before the page has changed its colours.
REPAINTED = """(scheme) => new Promise((resolve) => {
  const frame = () => requestAnimationFrame(() => requestAnimationFrame(resolve));
  const look = () => (matchMedia(`(prefers-color-scheme: ${scheme})`).matches ? frame() : setTimeout(look, 10));
  look();
})"""
#: How far things have moved that nobody touched, as Chromium counts it: 0.1 is what is called good.
SHIFTS = """() => new Promise((resolve) => {
  let sum = 0;
  new PerformanceObserver((list) => {
    for (const { value, hadRecentInput } of list.getEntries()) if (!hadRecentInput) sum += value;
  }).observe({ type: "layout-shift", buffered: true });
  requestAnimationFrame(() => setTimeout(() => resolve(sum), 50));
})"""


@pytest.fixture(scope="module")
def checker(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return axe.install(tmp_path_factory.mktemp("axe"))


@pytest.mark.parametrize("width", SIZES)
def test_every_view(visit, checker, screenshots, width):
    visitor = visit(viewport=SIZES[width], reduced_motion="reduce")
    visitor.context.add_init_script(path=checker)
    page = visitor.page
    found: list[str] = []

    def look(name):
        page.locator("#messages").evaluate("(board) => board.replaceChildren()")
        for scheme in SCHEMES[width]:
            page.emulate_media(color_scheme=scheme)
            page.evaluate(REPAINTED, scheme)
            found.extend(f"{name}, {scheme}: {each}" for each in page.evaluate(axe.RUN))
            page.screenshot(path=screenshots / f"{name}-{width}-{scheme}.png", full_page=True, animations="disabled")
        assert page.evaluate(OVERFLOW) <= 0, f"{name} is wider than the screen"

    page.goto("about:blank")
    visitor.open("feed")
    expect(page.get_by_role("list", name="Posts").get_by_role("listitem").first).to_be_visible()
    look("feed-visitor")
    visitor.go("Sign in")
    look("sign-in")
    visitor.fill_in("admin", "bearer")
    expect(page.get_by_role("alert")).not_to_be_empty()
    look("sign-in-refused")
    visitor.sign_in("admin", device="A laptop")
    expect(page.get_by_role("list", name="Posts").get_by_role("listitem").first).to_be_visible()
    look("feed")
    for each in ("Moderation", "Tokens", "Devices", "Password", "Thief"):
        visitor.go(each)
        PREPARE.get(each, lambda page: None)(page)
        look(each.lower())
    page.get_by_role("button", name="Sign out, and watch").click()
    expect(page.get_by_text("dead", exact=True)).to_be_visible()
    look("thief-after")
    visitor.go("Sign in").sign_in("alice", "cookie")
    expect(page.get_by_role("list", name="Posts").get_by_role("listitem").first).to_be_visible()
    look("feed-cookie")
    visitor.go("Thief")
    page.get_by_role("button", name="Throw it away").click()
    look("thief-cookie")
    assert found == []


def make_token(page):
    page.get_by_label("What is it for?").fill("Nightly export")
    page.get_by_role("button", name="Create a token").click()
    page.get_by_role("button", name="Let a script use it").click()
    expect(page.get_by_text(re.compile("in use: accepted [1-9]"))).to_be_visible()


def add_phone(page):
    page.get_by_text("Pretend a phone").click()
    page.get_by_label("Your password, once more").fill("wonderland")
    page.get_by_role("button", name="Add the phone").click()
    expect(page.get_by_text(re.compile("its token was accepted [1-9]"))).to_be_visible()
    page.get_by_role("button", name="Sign out Pretend phone").click()
    expect(page.get_by_text(re.compile("refuses it after")).first).to_be_visible()  # a line for each worker


def steal(page):
    page.get_by_role("button", name="Steal the access token").click()
    expect(page.get_by_text(re.compile(r"accepted [2-9] times"))).to_be_visible()


PREPARE = {"Tokens": make_token, "Devices": add_phone, "Thief": steal}


@pytest.mark.parametrize("width", SIZES)
def test_nothing_moves_while_a_view_loads(visit, width):
    visitor = visit(viewport=SIZES[width]).open("signin").sign_in("admin")
    page = visitor.page
    for view in ("feed", "devices", "tokens"):
        visitor.open(view)
        page.reload()
        expect(page.get_by_role("main").get_by_role("listitem").first).to_be_visible()
        assert page.evaluate(SHIFTS) < 0.02, view


def test_everything_works_from_the_keyboard(visit):
    visitor = visit("signin")
    page = visitor.page
    keyboard = page.keyboard
    keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_be_focused()
    keyboard.press("Tab")
    keyboard.type("admin")
    keyboard.press("Tab")
    keyboard.type("wonderland")
    keyboard.press("Enter")
    visitor.wears("admin")
    expect(page.get_by_role("heading", level=1, name="Feed")).to_be_focused()
    page.get_by_role("link", name="Devices").focus()
    keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1, name="Devices")).to_be_focused()
    expect(page).to_have_title("Devices · Lanyard")
    button = page.get_by_role("list", name="Devices").get_by_role("button").first
    expect(button).to_be_visible()
    keyboard.press("Tab")
    expect(button).to_be_focused()
    page.wait_for_timeout(1_700)  # two looks at the devices, which take the focus away from nobody
    expect(button).to_be_focused()
    keyboard.press("Enter")
    visitor.wears("Visitor")
    expect(page.get_by_role("heading", level=1, name="Sign in")).to_be_focused()


def test_what_somebody_writes_stays_text(alice):
    page = alice.page
    attack = "<img src=x onerror=alert(1)><script>alert(2)</script>"
    page.get_by_label("What is new, alice?").fill(attack)
    page.get_by_role("button", name="Post", exact=True).click()
    post = page.get_by_role("listitem").filter(has_text="onerror")
    expect(post.locator(".post-text")).to_have_text(attack)
    expect(post.locator("img, script")).to_have_count(0)
    post.get_by_role("button").click()
    expect(post).to_have_count(0)
