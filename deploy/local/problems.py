"""What the local stack says when it cannot go on."""

from pathlib import Path


class StackError(RuntimeError):
    """A part of the local stack is missing, taken, or did not start; the message says which and what to do."""


class PortTakenError(StackError):
    """Another program has taken a port since it was chosen."""


def tail(log: Path, lines: int = 15) -> str:
    """The last lines of a log, indented, for an error message; a missing or empty log gives a line that says so."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - 32_768))
            text = file.read().decode(errors="replace")
    except FileNotFoundError:
        return "    (no log)"
    kept = [f"    {line}" for line in text.splitlines() if line.strip()][-lines:]
    return "\n".join(kept) or "    (an empty log)"
