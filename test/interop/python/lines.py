"""Lines of JSON to and from the test (see ../foreign-process.ts)."""

import json
import sys
import threading

_lock = threading.Lock()


def tell(event, **fields):
    with _lock:
        sys.stdout.write(json.dumps(dict(event=event, **fields), separators=(",", ":")) + "\n")
        sys.stdout.flush()


def commands():
    for line in iter(sys.stdin.readline, ""):
        yield json.loads(line)
