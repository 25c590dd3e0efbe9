"""``python -m deploy.local up|down|status``."""

import argparse
import sys
from pathlib import Path

from deploy.local.layout import Settings, Wanted, default_folder
from deploy.local.problems import StackError
from deploy.local.stack import Stack, to_stderr


def main(arguments: list[str] | None = None, program: str = f"python -m {__package__}") -> int:
    """Does what the arguments say: addresses and states to standard output, progress and errors to standard error."""
    options = _parser(program).parse_args(arguments)
    stack = Stack(options.folder)
    try:
        if options.command == "up":
            return _up(stack, options)
        if options.command == "down":
            stack.down()
            if options.wipe:
                stack.wipe()
            return 0
        return _status(stack)
    except StackError as error:
        to_stderr(str(error))
        return 1


def _up(stack: Stack, options: argparse.Namespace) -> int:
    found = stack.up(**{name: getattr(options, name) for name in Wanted.__annotations__})
    lines = {
        "FLINK": found.flink,
        "JOB_ENDPOINT": found.job_endpoint,
        "EXPANSION": found.expansion,
        "KAFKA": found.kafka,
        "STACK": str(stack.folder),
    }
    sys.stdout.writelines(f"{name}={value}\n" for name, value in lines.items())
    return 0


def _status(stack: Stack) -> int:
    parts = stack.status()
    if not parts:
        to_stderr(f"{stack.folder}: nothing was started there")
        return 1
    sys.stdout.writelines(f"{part.name:<14} {part.state:<14} {part.pid or '-':<8} {part.address}\n" for part in parts)
    return 0 if all(part.state == "up" for part in parts) else 1


def _parser(program: str) -> argparse.ArgumentParser:
    usual = Settings()
    parser = argparse.ArgumentParser(prog=program, description=__doc__)
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument(
        "--folder", type=Path, help=f"all files of the stack (default: $SEGMENTS_STACK or {default_folder()})"
    )
    commands = parser.add_subparsers(dest="command", required=True)
    up = commands.add_parser("up", parents=[common], help="start what does not run, print the addresses")
    up.add_argument("--taskmanagers", type=int, help=f"Flink TaskManagers (default {usual.taskmanagers})")
    up.add_argument("--slots", type=int, help=f"slots of each TaskManager (default {usual.slots})")
    up.add_argument("--jobmanager-memory", help=f"of the process (default {usual.jobmanager_memory})")
    up.add_argument("--taskmanager-memory", help=f"of each process (default {usual.taskmanager_memory})")
    up.add_argument(
        "--metrics", metavar="PORTS", help="Prometheus reporters on these ports (9249-9260), ON ALL INTERFACES"
    )
    down = commands.add_parser("down", parents=[common], help="stop every part; what is stored stays")
    down.add_argument("--wipe", action="store_true", help="also remove topics, checkpoints, savepoints and logs")
    commands.add_parser("status", parents=[common], help="every part with its state; fails unless all are up")
    return parser


if __name__ == "__main__":
    sys.exit(main())
