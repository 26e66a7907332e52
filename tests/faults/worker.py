"""One worker process: `python -m tests.faults.worker`. Prints its port, and serves until it is ended."""

import json
import os
import sys
import threading
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.faults.settings")


def main() -> None:
    import django

    django.setup()
    from django.conf import settings
    from django.core.servers.basehttp import ThreadedWSGIServer, WSGIRequestHandler
    from django.core.wsgi import get_wsgi_application
    from django.urls import resolve

    from .bugs import plant

    class Handler(WSGIRequestHandler):
        disable_nagle_algorithm = True  # headers and body are two writes
        timeout = None  # clients keep connections for as long as they like

        def log_message(self, format: str, *args: Any) -> None:
            pass

    class Server(ThreadedWSGIServer):
        request_queue_size = 128

        def handle_error(self, request: Any, client_address: Any) -> None:
            if not isinstance(sys.exc_info()[1], OSError):  # a client that has given up
                super().handle_error(request, client_address)

    resolve("/protected/")  # imports the views, so that the first request is as quick as the others
    plant(getattr(settings, "CHOSEN", {}).get("bug"))
    server = Server(("127.0.0.1", 0), Handler)
    server.set_app(get_wsgi_application())
    threading.Thread(target=_end_with_parent, daemon=True).start()
    print(json.dumps({"port": server.server_port}), flush=True)
    server.serve_forever()


def _end_with_parent() -> None:
    sys.stdin.read()
    os._exit(0)


if __name__ == "__main__":
    main()
