"""One worker process: does what it is told over a pipe, so that rounds of different configurations interleave.

A line of JSON comes in, `{"call": "module:function", "with": {...}}`; a line of JSON goes out, `{"is": ...}` or
`{"error": "..."}`. What the libraries print goes to stderr.
"""

import importlib
import json
import os
import sys
import traceback
from typing import Any


def answer(line: str) -> dict[str, Any]:
    try:
        told = json.loads(line)
        module, _, function = told["call"].partition(":")
        return {"is": getattr(importlib.import_module(module), function)(**told["with"])}
    except Exception:
        return {"error": traceback.format_exc()}


def main() -> None:
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    if os.environ.get("DJANGO_SETTINGS_MODULE"):
        import django

        django.setup()
    for line in sys.stdin:
        print(json.dumps(answer(line)), file=out, flush=True)


if __name__ == "__main__":
    main()
