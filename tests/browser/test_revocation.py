"""What dies, and that it is seen to die: devices, tokens, passwords, and whatever a thief has got."""

import re

import pytest
from playwright.sync_api import expect

from .serve import WORKERS

REFUSAL = re.compile(r"worker \d+ refuses it after (\d+) ms: 401 token_revoked")
#: A Django session that was ended is gone without a trace.
OVER = re.compile("This session (was ended elsewhere|is over)")
#: Milliseconds: the lease of a second, the page's own rhythm, and the network.
SEEN_WITHIN = 1500

#: When this tab learns that it is signed out, by the clock of the machine.
LEARN = """async () => {
  const { account } = await import("/page/js/account.js");
  globalThis.learnt = new Promise((resolve) => {
    account.subscribe(({ type, reason }) => type === "signed-out" && resolve({ reason, at: Date.now() }));
  });
}"""
END_DEVICE = """async (name) => {
  const { account } = await import("/page/js/account.js");
  const device = (await account.sessions()).find((each) => each.device === name);
  await account.revokeSession(device.id);
  return Date.now();
}"""


@pytest.mark.parametrize("transport", ["hybrid", "cookie", "session"])
def test_a_device_learns_quickly_that_it_was_signed_out_elsewhere(visit, transport):
    name = f"Phone with {transport}"
    laptop = visit("signin").sign_in("alice")
    phone = visit("signin").sign_in("alice", transport, device=name).go("Devices")
    phone.page.evaluate(f"async () => {{ await ({LEARN})(); }}")
    ended = laptop.page.evaluate(END_DEVICE, name)
    learnt = phone.page.evaluate("() => globalThis.learnt")
    assert learnt["at"] - ended < SEEN_WITHIN
    phone.wears("Visitor")
    expect(phone.page.locator("#messages")).to_contain_text(OVER)


def test_the_list_of_devices_follows_what_happens_elsewhere(visit):
    laptop = visit("signin").sign_in("bob", device="Laptop").go("Devices")
    devices = laptop.page.get_by_role("list", name="Devices")
    expect(devices.get_by_role("listitem").filter(has_text="this device")).to_contain_text("Laptop")
    phone = visit("signin").sign_in("bob", "cookie", device="Phone")
    row = devices.get_by_role("listitem").filter(has_text="Phone")
    expect(row).to_contain_text("127.0.0.1")
    expect(row).to_contain_text("cookie")
    phone.page.get_by_role("button", name="Sign out", exact=True).click()
    expect(row).to_contain_text("signed out")
    expect(row.get_by_role("button")).to_have_count(0)


def test_signing_out_a_device_by_its_button(visit):
    phone = visit("signin").sign_in("bob", device="Tablet").go("Devices")
    laptop = visit("signin").sign_in("bob", device="Desk").go("Devices")
    laptop.page.get_by_role("button", name="Sign out Tablet").click()
    expect(laptop.page.get_by_role("listitem").filter(has_text="Tablet")).to_contain_text("signed out")
    phone.wears("Visitor")


def test_a_new_password_ends_the_other_devices(visit):
    laptop = visit("signin").sign_in("carol", device="Laptop")
    phone = visit("signin").sign_in("carol", device="Phone").go("Devices")
    laptop.go("Password")
    page = laptop.page
    page.get_by_text("Pretend a phone").click()
    page.get_by_label("Your password, once more").fill("wonderland")
    page.get_by_role("button", name="Add the phone").click()
    pretended = page.get_by_role("listitem").filter(has_text="Pretend phone 1")
    expect(pretended).to_contain_text("accepted")
    page.get_by_label("Password now").fill("wonderland")
    page.get_by_label("New password").fill("through-the-glass")
    page.get_by_role("button", name="Change the password").click()
    expect(page.locator("#messages")).to_contain_text("every other one is signed out")
    expect(pretended).to_contain_text("token_stale")
    expect(page.get_by_role("listitem").filter(has_text="this device")).not_to_contain_text("signed out")
    phone.wears("Visitor")
    laptop.wears("carol")
    page.reload()
    laptop.wears("carol")


def test_an_api_token_is_shown_once_and_dies(visit):
    visitor = visit("signin").sign_in("alice").go("Tokens")
    page = visitor.page
    visitor.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.get_by_label("What is it for?").fill("Nightly export")
    page.get_by_role("button", name="Create a token").click()
    expect(page.get_by_role("heading", name="is shown only now")).to_be_focused()
    secret = page.locator(".secret").inner_text()
    assert secret.startswith("lan_")
    page.get_by_role("button", name="Copy").click()
    expect(page.locator("#messages")).to_contain_text("Copied.")
    assert page.evaluate("navigator.clipboard.readText()") == secret
    page.get_by_role("button", name="Let a script use it").click()
    expect(page.get_by_text(re.compile("in use: accepted [3-9] times"))).to_be_visible()
    page.get_by_role("button", name="Revoke Nightly export").click()
    live = page.locator(".shown-once .live")
    expect(live).to_contain_text(REFUSAL)
    expect(page.get_by_text("You have no API tokens.")).to_be_visible()
    visitor.go("Feed").go("Tokens")
    assert secret not in page.content()


def test_a_stolen_access_token_dies_with_the_session(visit):
    visitor = visit("signin").sign_in("alice").go("Thief")
    page = visitor.page
    page.get_by_role("button", name="Steal the access token").click()
    expect(page.get_by_text(re.compile(r"accepted ([5-9]|\d\d) times, refused 0 times"))).to_be_visible()
    page.get_by_role("button", name="Sign out, and watch").click()
    refusals = page.locator(".refusals li")
    expect(refusals).to_have_count(WORKERS)
    for text in refusals.all_inner_texts():
        found = REFUSAL.search(text)
        assert found
        assert int(found[1]) < SEEN_WITHIN
    expect(page.get_by_text("dead", exact=True)).to_be_visible()
    expect(page.get_by_role("heading", level=1)).to_have_text("Thief")


@pytest.mark.parametrize("transport", ["cookie", "session"])
def test_there_is_nothing_to_steal_where_cookies_do_it(visit, transport):
    visitor = visit("signin").sign_in("alice", transport).go("Thief")
    page = visitor.page
    expect(page.get_by_role("main")).to_contain_text("There is nothing that a script could carry away.")
    expect(page.get_by_role("button", name="Steal")).to_have_count(0)
    page.get_by_role("button", name="Ask for a bearer token").click()
    expect(page.get_by_text(re.compile(r"The server answers \d+ with"))).to_contain_text("No token among them.")
    expect(page.get_by_text(re.compile(r"The server answers \d+ with"))).not_to_contain_text(
        re.compile("access|refresh")
    )
