"""``python -m deploy.pubsub_emulator up|down|build``: an emulator that runs until it is stopped.

``up`` prints ``PUBSUB_EMULATOR_HOST=host:port``; where one runs already, that one's. ``build`` prints where the program
is.
"""

import sys

from deploy.local import StackError
from deploy.pubsub_emulator import running
from deploy.pubsub_emulator.building import build


def main(arguments: list[str]) -> int:
    """Exit code 0 when it is done, 1 when it can't be, 2 for a wrong call."""
    try:
        match arguments:
            case ["up"]:
                sys.stdout.write(f"{running.HOST}={running.up()}\n")
            case ["down"]:
                running.down()
            case ["build"]:
                sys.stdout.write(f"{build()}\n")
            case _:
                sys.stderr.write(f"{__doc__}\n")
                return 2
    except StackError as error:
        sys.stderr.write(f"pubsub: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
