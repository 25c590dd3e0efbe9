"""The emulator of the tests: the one that the environment names, or one of their own."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from deploy.pubsub_emulator.running import HOST

#: Seconds that it has to end in.
END_SECONDS = 10.0


@contextmanager
def attached(binary: Path) -> Iterator[str]:
    """An emulator that ends with this process at the latest; gives its ``host:port``."""
    process = subprocess.Popen([binary, "-attached"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    if process.stdin is None or process.stdout is None:
        raise RuntimeError("pipes were asked for")
    with process:
        try:
            yield process.stdout.readline().strip().removeprefix(f"{HOST}=")
        finally:
            process.stdin.close()
            process.wait(timeout=END_SECONDS)


def running_host() -> str:
    """The emulator that the environment names; empty without one."""
    return os.environ.get(HOST, "")
