"""Signing in by every transport, and what is left where scripts can read it."""

import json
import re

import pytest
from playwright.sync_api import expect

#: A JWT, a refresh token, an API token, a session key: long runs of what credentials are made of.
SECRET = re.compile(r"eyJ[\w-]+\.|lan_\w{16,}|[\w.-]{60,}")
READABLE = """() => JSON.stringify({
  cookie: document.cookie,
  local: Object.entries(localStorage),
  session: Object.entries(sessionStorage),
})"""
TRANSPORTS = ["hybrid", "cookie", "session"]
COOKIES = {
    "hybrid": {"lanyard-refresh"},
    "cookie": {"lanyard-access", "lanyard-refresh"},
    "session": {"sessionid", "csrftoken"},
}


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_sign_in_write_delete_sign_out(visit, transport):
    visitor = visit("signin").sign_in("alice", transport)
    page = visitor.page
    expect(page.get_by_text(f"{transport} transport")).to_be_visible()
    text = f"Posted by {transport}"
    page.get_by_label("What is new, alice?").fill(text)
    page.get_by_role("button", name="Post", exact=True).click()
    post = page.get_by_role("listitem").filter(has_text=text)
    expect(post).to_be_visible()
    post.get_by_role("button", name=re.compile("Delete alice's post")).click()
    expect(post).to_have_count(0)
    page.reload()
    visitor.wears("alice")
    page.get_by_role("button", name="Sign out", exact=True).click()
    visitor.wears("Visitor")
    expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")
    assert {cookie["name"] for cookie in visitor.context.cookies()} <= {"csrftoken"}
    page.reload()
    visitor.wears("Visitor")


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_no_credential_where_a_script_can_read(visit, transport):
    visitor = visit("signin").sign_in("alice", transport)
    visitor.go("Tokens").go("Devices").go("Feed")
    cookies = {cookie["name"]: cookie for cookie in visitor.context.cookies()}
    assert set(cookies) == COOKIES[transport]
    readable = visitor.page.evaluate(READABLE)
    for name, cookie in cookies.items():
        if name != "csrftoken":  # which is worth nothing without the session
            assert cookie["httpOnly"]
            assert cookie["sameSite"] == "Lax"
            assert cookie["value"] not in readable
    assert not SECRET.search(readable), readable
    assert json.loads(readable)["local"] == json.loads(readable)["session"] == []


def test_a_browser_is_refused_the_bearer_transport(visit):
    visitor = visit("signin").fill_in("alice", "bearer")
    expect(visitor.page.get_by_role("alert")).to_contain_text("A browser gets no refresh token in a body")
    visitor.wears("Visitor")
    assert visitor.context.cookies() == []


def test_a_wrong_password_is_told_next_to_the_button(visit):
    visitor = visit("signin").fill_in("alice", password="not it")
    expect(visitor.page.get_by_role("alert")).not_to_be_empty()
    visitor.wears("Visitor")
    visitor.page.get_by_label("Password", exact=True).fill("")
    visitor.page.get_by_role("button", name="Sign in").click()
    expect(visitor.page.get_by_role("alert")).to_have_text("Please fill in: Password.")
    expect(visitor.page.get_by_label("Password", exact=True)).to_be_focused()


def test_moderation_is_in_the_menu_of_staff_only(visit):
    menu = "navigation"
    author = visit("signin").sign_in("alice")
    expect(author.page.get_by_role(menu).get_by_role("link", name="Moderation")).to_have_count(0)
    author.page.evaluate("location.hash = 'moderation'")
    expect(author.page.get_by_role("heading", level=1)).to_have_text("Feed")
    staff = visit("signin").sign_in("admin")
    staff.go("Moderation")
    expect(staff.page.get_by_role("list", name="Posts").get_by_role("button", name="Delete").first).to_be_visible()


def test_whoever_is_signed_in_to_the_admin_is_signed_in_here(visit, base):
    visitor = visit()
    page = visitor.page
    page.goto(f"{base}/admin/login/")
    page.get_by_label("Username").fill("admin")
    page.get_by_label("Password").fill("wonderland")
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_text("Site administration")).to_be_visible()
    visitor.open()
    visitor.wears("admin")
    expect(page.get_by_text("session transport")).to_be_visible()
    visitor.go("Devices")
    expect(page.get_by_role("list", name="Devices").get_by_text("this device")).to_be_visible()
