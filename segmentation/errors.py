"""Kinds of errors: those that the person who started a command can mend, and those that no retry mends."""

from typing import Final

#: A line of its own in the traceback of every `FatalError`, and of nothing else. What runs a job sees only the text of
#: its workers' tracebacks: this runner in Python, and `segments.workers.FatalErrors` in the jar for Flink.
FATAL: Final = "segments: fatal, no retry mends this"


class UsageError(Exception):
    """The command line, the environment, or a file that one of them names says something that can't be used.

    A command ends with exit code 2 and the message, which names the option, the variable, or the place in the file.
    """


class FatalError(Exception):
    """Something that no retry mends: a job that meets it ends.

    Its subclasses take a message and nothing else: Beam makes another one of the same class with a longer message.

    >>> try:
    ...     raise FatalError("state of another job")
    ... except FatalError as error:
    ...     str(error), error.__notes__ == [FATAL]
    ('state of another job', True)
    """

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.add_note(FATAL)


def is_fatal(traceback: str) -> bool:
    """Whether the text of a traceback, or a longer text around it, tells of a `FatalError`.

    >>> is_fatal(f"ShardStateError: layout 3\\n{FATAL}\\n"), is_fatal(f"ValueError: '{FATAL}'")
    (True, False)
    """
    return FATAL in (line.strip() for line in traceback.splitlines())
