"""Pages of other origins and of other sites: what they can do with the cookies of somebody who is signed in here.

The demo is at 127.0.0.1. The same port of 127.0.0.1 and of localhost makes two pages: another origin of the same site,
whose requests carry SameSite=Lax cookies, and another site. CORS lets all of them read answers, so that whatever is
refused is refused by the cross-site rule.
"""

from urllib.parse import urlencode

import pytest
from playwright.sync_api import expect

PASSWORD = "wonderland"
CALL = """async ([url, method, type, body]) => {
  const headers = type ? { "Content-Type": type } : {};
  const response = await fetch(url, { method, headers, body, credentials: "include" });
  return [response.status, (await response.json().catch(() => ({}))).code ?? null];
}"""
#: What a page sends without asking first (no preflight), and what it has to ask for.
KINDS = {"form": ("application/x-www-form-urlencoded", urlencode), "json": ("application/json", None)}
SUBMIT = """([action, text]) => {
  const form = document.createElement("form");
  form.method = "POST";
  form.action = action;
  form.append(Object.assign(document.createElement("input"), { name: "text", value: text }));
  document.body.append(form);
  form.submit();
}"""


def post(page, base, path, text="", kind="form"):
    type, encode = KINDS[kind]
    body = encode({"text": text}) if encode else f'{{"text": "{text}"}}'
    return page.evaluate(CALL, [f"{base}{path}", "POST", type, body])


def texts(visitor):
    answer = visitor.context.request.get(f"{visitor.base}/api/posts/").json()
    return [each["text"] for each in answer["results"]]


@pytest.fixture(params=["cookie", "session"])
def victim(request, visit):
    return visit("signin").sign_in("alice", request.param)


def test_an_unlisted_page_cannot_use_the_cookies(victim, base, untrusted):
    page = victim.context.new_page()
    # Of the same site the cookies come along and are refused; of another site they do not come at all.
    refusals = {untrusted.same_site: [403, "csrf_failed"], untrusted.other_site: [401, "not_authenticated"]}
    for where, refusal in refusals.items():
        page.goto(where)
        for kind in KINDS:
            assert post(page, base, "/api/posts/", "Forged", kind) == refusal
        for path in ("/auth/logout/", "/auth/refresh/", "/auth/logout/all/"):
            status, code = post(page, base, path)
            assert (status, code) in ((403, "csrf_failed"), (401, "not_authenticated")), path
    assert "Forged" not in texts(victim)
    victim.page.reload()
    victim.wears("alice")


def test_an_unlisted_page_cannot_submit_a_form(victim, base, untrusted):
    for where in (untrusted.same_site, untrusted.other_site):
        page = victim.context.new_page()
        page.goto(where)
        with page.expect_response(f"{base}/api/posts/") as answer:
            page.evaluate(SUBMIT, [f"{base}/api/posts/", "Forged"])
        assert answer.value.status in (401, 403)
    assert "Forged" not in texts(victim)


def test_an_unlisted_page_cannot_sign_anybody_in(visit, base, untrusted):
    visitor = visit()
    page = visitor.context.new_page()
    body = f'{{"username": "bob", "password": "{PASSWORD}", "transport": "cookie"}}'
    for where in (untrusted.same_site, untrusted.other_site):
        page.goto(where)
        refused = page.evaluate(CALL, [f"{base}/auth/login/", "POST", "application/json", body])
        assert refused == [403, "csrf_failed"]
        assert visitor.context.cookies() == []


def test_a_listed_page_of_the_same_site_uses_the_cookies(visit, base, trusted):
    visitor = visit("signin").sign_in("alice", "cookie")
    page = visitor.context.new_page()
    page.goto(trusted.same_site)
    for kind in KINDS:
        assert post(page, base, "/api/posts/", f"From next door by {kind}", kind) == [201, None]
        assert f"From next door by {kind}" in texts(visitor)


def test_a_listed_page_of_another_site_signs_in_and_uses_its_cookies(visit, base, trusted):
    visitor = visit()
    page = visitor.context.new_page()
    page.goto(trusted.other_site)
    body = f'{{"username": "alice", "password": "{PASSWORD}", "transport": "cookie"}}'
    assert page.evaluate(CALL, [f"{base}/auth/login/", "POST", "application/json", body]) == [200, None]
    assert post(page, base, "/api/posts/", "From another site") == [201, None]
    assert post(page, base, "/auth/refresh/", kind="json") == [200, None]
    assert "From another site" in texts(visitor)
    # Partitioned: they are that page's cookies, not those of the demo's own page.
    visitor.page.reload()
    visitor.wears("Visitor")
    expect(visitor.page.get_by_role("link", name="Sign in").first).to_be_visible()
