"""The page at `/`: files of two folders, just as they are, with headers that let it load nothing else.

Nothing is rendered and nothing is built. A real site would let its web server or a CDN do this.
"""

from pathlib import Path

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe
from django.views.static import serve

PAGE = Path(__file__).parent / "page"
CLIENT = Path(__file__).parents[1] / "clients" / "js" / "src"

#: Scripts and styles only from files of this origin: whatever somebody writes into a post, none of it can run. Calls go
#: to this origin only, so a script that got in all the same could not carry anything away by `fetch`.
POLICY = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "connect-src": "'self'",
    "img-src": "'self' data:",
    "base-uri": "'none'",
    "form-action": "'none'",
    "frame-ancestors": "'none'",
    "require-trusted-types-for": "'script'",
}
HEADERS = {
    "Content-Security-Policy": "; ".join(f"{name} {value}" for name, value in POLICY.items()),
    "Cache-Control": "no-cache",  # you may be editing it
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}


@require_safe
def index(request: HttpRequest) -> HttpResponse:
    return _file(request, PAGE, "index.html")


@require_safe
def page(request: HttpRequest, path: str) -> HttpResponse:
    return _file(request, PAGE, path)


@require_safe
def client(request: HttpRequest, path: str) -> HttpResponse:
    """The modules of the browser client, as the package ships them."""
    return _file(request, CLIENT, path)


def _file(request: HttpRequest, folder: Path, path: str) -> HttpResponse:
    response: HttpResponse = serve(request, path, document_root=folder)
    for name, value in HEADERS.items():
        response[name] = value
    return response
