"""Starts MiniStack (the version of requirements.txt) on loopback with its gaps to AWS closed.

Environment, besides the emulator's own: `NIGHTJAR_CONTAINERS`, the Docker host URL of the container runner that ECS
tasks start in. Everything listens where `BIND_HOST` says.
"""

import os
import pathlib
import re
import signal
import threading
import time
from importlib.metadata import version

from gaps.patching import expect

pinned = re.search(
    r"^ministack==(.+)$", pathlib.Path(__file__).with_name("requirements.txt").read_text(), re.M
).group(1)
expect(version("ministack") == pinned == "1.5.33", f"version 1.5.33, found {version('ministack')}, pinned {pinned}")
expect(os.environ.get("BIND_HOST") == "127.0.0.1", "BIND_HOST=127.0.0.1")

from gaps import conditions, functions, history, journal, objects, permissions, schedules, tables, tasks, templates, workflows  # noqa: E402,F401
import ministack.app as app  # noqa: E402
from gaps.patching import target  # noqa: E402

# With TLS the emulator also opens port 443 when it can; one free port is all this account may have.
target(app, "_port_is_bindable", "host port")
app._port_is_bindable = lambda host, port: False



def end_with_parent(parent):
    """An account whose owner was killed has nobody left to stop it."""
    while os.getppid() == parent:
        time.sleep(1)
    os.kill(os.getpid(), signal.SIGTERM)


threading.Thread(target=end_with_parent, args=(os.getppid(),), daemon=True).start()
app.main()
