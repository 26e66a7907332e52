"""`python -m demo.mobile`: the microblog from the command line, and an example of how to use `drf_lanyard.client`."""

import argparse
import getpass
import os
import platform
import sys
from collections.abc import Callable

import httpx

from drf_lanyard.client import (
    ClientError,
    LanyardAuth,
    SignInRefused,
    SignInRequired,
    TokenFile,
    Unavailable,
    error_code,
)

FILE = "~/.config/lanyard-demo/tokens.json"
SERVER = "http://127.0.0.1:8000"


class Failed(Exception):
    """The message is for the person at the keyboard."""


def main(arguments: list[str] | None = None) -> int:
    options = parser().parse_args(arguments)
    server = options.server.rstrip("/")
    auth = LanyardAuth(f"{server}/auth/", TokenFile(options.file))
    try:
        with httpx.Client(base_url=server, auth=auth, timeout=10) as api:
            options.run(options, api, auth)
    except (SignInRefused, Failed) as error:
        return say(str(error))
    except SignInRequired as error:
        return say(f"You are signed out ({error.code}). Sign in again: `login NAME`.")
    except Unavailable as error:
        wait = f" Try again in {error.retry_after:.0f} s." if error.retry_after else " Try again later."
        return say(f"{error}{wait} You stay signed in.")
    except ClientError as error:
        return say(str(error))
    except httpx.TransportError as error:
        return say(f"{server} cannot be reached ({error}). Try again later; you stay signed in.")
    return 0


def login(options: argparse.Namespace, api: httpx.Client, auth: LanyardAuth) -> None:
    account = auth.login(options.name, password(options), device=f"mobile.py on {platform.node()}")
    print(f"Signed in as {options.name}, roles: {', '.join(account.claims.get('roles', [])) or 'none'}.")


def post(options: argparse.Namespace, api: httpx.Client, auth: LanyardAuth) -> None:
    created = checked(api.post("/api/posts/", json={"text": options.text})).json()
    print(f"Posted as number {created['id']}.")


def list_posts(options: argparse.Namespace, api: httpx.Client, auth: LanyardAuth) -> None:
    for item in checked(api.get("/api/posts/")).json()["results"]:
        print(f"{item['id']:>5}  {item['created_at'][:16]}  {item['author_name']}: {item['text']}")


def devices(options: argparse.Namespace, api: httpx.Client, auth: LanyardAuth) -> None:
    for item in checked(api.get("/auth/sessions/")).json():
        mark = "*" if item["current"] else " "
        seen, name = item["last_seen_at"][:16], item["device"] or item["user_agent"]
        print(f"{mark} {item['id']}  {seen}  {item['ip']:<15}  {name}")


def revoke(options: argparse.Namespace, api: httpx.Client, auth: LanyardAuth) -> None:
    checked(api.delete(f"/auth/sessions/{options.id}/"))
    print("Signed out there.")


def logout(options: argparse.Namespace, api: httpx.Client, auth: LanyardAuth) -> None:
    auth.logout()
    print("Signed out.")


def whoami(options: argparse.Namespace, api: httpx.Client, auth: LanyardAuth) -> None:
    me = checked(api.get("/auth/me/")).json()
    print(f"{me['user']['username']}, roles: {', '.join(me['claims'].get('roles', [])) or 'none'}.")


def checked(response: httpx.Response) -> httpx.Response:
    """The answer, if it is a success; otherwise an exception, by what a client is to do about the failure."""
    if response.is_success:
        return response
    if response.status_code == httpx.codes.UNAUTHORIZED:
        raise SignInRequired("Sign in again.", error_code(response) or "401")
    if response.status_code == httpx.codes.TOO_MANY_REQUESTS or response.is_server_error:
        raise Unavailable(f"The server answered HTTP {response.status_code}.", retry_after(response))
    raise Failed(f"The server refused (HTTP {response.status_code}): {reason(response)}")


def retry_after(response: httpx.Response) -> float | None:
    value = response.headers.get("Retry-After", "")
    return float(value) if value.isdecimal() else None


def reason(response: httpx.Response) -> str:
    """What the body says: `detail`, and for a body that was wrong the complaints by field in `errors`."""
    try:
        body = response.json()
        complaints = [f"{field}: {' '.join(each)}" for field, each in body.get("errors", {}).items()]
        return " ".join([body["detail"], *complaints])
    except (ValueError, AttributeError, KeyError, TypeError):
        return response.reason_phrase


def password(options: argparse.Namespace) -> str:
    """Never from the command line, where every user of the machine can read it."""
    if options.password_stdin:
        return sys.stdin.readline().rstrip("\n")
    return os.environ.get("DEMO_PASSWORD") or getpass.getpass()


def say(message: str) -> int:
    print(message, file=sys.stderr)
    return 1


def parser() -> argparse.ArgumentParser:
    main = argparse.ArgumentParser(prog="python -m demo.mobile", description="The microblog from the command line.")
    main.add_argument("--server", default=SERVER, help=f"default: {SERVER}")
    main.add_argument("--file", default=FILE, help=f"where the tokens are kept; default: {FILE}")
    commands = main.add_subparsers(required=True, metavar="COMMAND")

    def command(name: str, run: Callable[..., None], help: str) -> argparse.ArgumentParser:
        sub = commands.add_parser(name, help=help)
        sub.set_defaults(run=run)
        return sub

    sub = command("login", login, "sign in; asks for the password (or takes it from $DEMO_PASSWORD)")
    sub.add_argument("name")
    sub.add_argument("--password-stdin", action="store_true", help="read the password from standard input")
    command("post", post, "write a post").add_argument("text")
    command("list", list_posts, "show the newest posts")
    command("devices", devices, "show where you are signed in; * is here")
    command("revoke", revoke, "sign a device out").add_argument("id", help="as `devices` shows it")
    command("logout", logout, "sign out here")
    command("whoami", whoami, "show who is signed in")
    return main


if __name__ == "__main__":
    sys.exit(main())
