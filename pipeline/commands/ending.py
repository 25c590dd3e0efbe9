"""How a command ends: exit codes, one clear line for what went wrong, and quiet engines."""

import logging
import re
import signal
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final

import typer

from segmentation.errors import UsageError

#: The run failed: what a step raised.
EXIT_FAILED: Final = 1
#: Something that the command line, the environment or a file that they name says can't be used.
EXIT_USAGE: Final = 2
#: Interrupted from the keyboard; in general 128 + the number of the signal, as shells have it.
EXIT_INTERRUPTED: Final = 128 + signal.SIGINT

_STEP = re.compile(r"^(?P<message>.*?) \[while running '(?P<step>.+?)'\]", re.DOTALL)


_received: list[int] = []


def catch_signals() -> None:
    """Makes SIGINT and SIGTERM an exception, so that open files are closed on the way; a second signal ends at once."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _interrupt)


def _interrupt(number: int, _frame: FrameType | None) -> None:
    signal.signal(number, signal.SIG_DFL)
    # Kept, since an engine may make another exception of this one.
    _received.append(number)
    raise KeyboardInterrupt


@contextmanager
def ending(verbose: bool) -> Iterator[None]:
    """Ends the process with the exit code and the message that belong to what the block raises."""
    root = logging.getLogger()
    level = root.level
    # Beam logs what it raises as well: once is enough.
    root.setLevel(logging.INFO if verbose else logging.CRITICAL)
    logging.captureWarnings(not verbose)
    if verbose:
        logging.basicConfig()
    try:
        yield
    except (KeyboardInterrupt, Exception) as error:
        if _received or isinstance(error, KeyboardInterrupt):
            typer.echo("interrupted", err=True)
            raise typer.Exit(128 + _received[0] if _received else EXIT_INTERRUPTED) from None
        if verbose:
            traceback.print_exc()
        message, step = _message(error)
        if isinstance(error, UsageError):
            typer.echo(message, err=True)
            raise typer.Exit(EXIT_USAGE) from error
        where = "" if step is None else f" in the step {step}"
        hint = "" if verbose else " (--verbose shows the traceback)"
        typer.echo(f"failed{where}: {type(error).__name__}: {message}{hint}", err=True)
        raise typer.Exit(EXIT_FAILED) from error
    finally:
        logging.captureWarnings(False)
        root.setLevel(level)


def _message(error: Exception) -> tuple[str, str | None]:
    """An error's message, without what Beam appends, and the step that raised it."""
    text = str(error)
    found = _STEP.match(text)
    if found is not None:
        return found["message"], found["step"]
    if "Traceback (most recent call last)" in text:
        # What another process raised comes as the text of its traceback; the error is the last line of it.
        return [line for line in text.splitlines() if line.strip()][-1].strip(), None
    return text, None
