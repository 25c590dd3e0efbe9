"""A command that goes on in the background."""

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.acceptance.running import ENVIRONMENT
from tests.cli.commands import command


@contextmanager
def running(arguments: list[str], environment: dict[str, str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A command that goes on in the background; it is interrupted when the block is left."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            command(*arguments), stdout=output, stderr=output, env={**os.environ, **ENVIRONMENT, **environment}
        )
        try:
            yield process
        finally:
            process.send_signal(signal.SIGINT)
            try:
                process.wait(30)
            finally:
                process.kill()
                process.wait(10)
