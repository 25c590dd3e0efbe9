"""``python -m tests.pubsub_emulator up|down``: an emulator that stays until it is told to go.

``up`` prints ``PUBSUB_EMULATOR_HOST=host:port``; where one runs already, that one's.
"""

import os
import sys
from pathlib import Path

from deploy.local import StackError, processes
from deploy.local.layout import cache_folder
from deploy.local.locks import locked
from deploy.local.ports import HOST as LOOPBACK
from deploy.local.ports import free_port
from deploy.local.problems import tail
from tests.pubsub_emulator.running import HOST, answers, build

#: The port that Google's own emulator prefers.
PORT = 8085
#: Seconds that it has to end in.
END_SECONDS = 5.0


def main(arguments: list[str]) -> int:
    """Exit code 0 when it runs (or is gone), 1 when it can't be started, 2 for a wrong call."""
    if arguments not in (["up"], ["down"]):
        sys.stderr.write(f"{__doc__}\n")
        return 2
    folder = cache_folder() / "pubsub"
    with locked(folder):
        try:
            return _up(folder) if arguments == ["up"] else _down(folder)
        except StackError as error:
            sys.stderr.write(f"pubsub: {error}\n")
            return 1


def _up(folder: Path) -> int:
    record, output = folder / "run.json", folder / "emulator.out"
    process = processes.recorded(record)
    if process is None:
        binary = build()
        if not binary:
            raise StackError("there is no emulator and no Go to build it with")
        # What its command line is known by again is the address, and that it was started here.
        host = f"{LOOPBACK}:{free_port(PORT)}"
        token = f"-listen={host}"
        process = processes.start(record, token, [binary, token], output, os.environ)
    host = process.token.removeprefix("-listen=")
    if not answers(host) or not processes.is_alive(process):
        raise StackError(f"the emulator does not answer at {host}; the end of {output}:\n{tail(output)}")
    sys.stdout.write(f"{HOST}={host}\n")
    return 0


def _down(folder: Path) -> int:
    process = processes.recorded(folder / "run.json")
    if process is not None:
        processes.stop_all([process], END_SECONDS)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
