"""What is raised for an option that can't be used."""

from collections.abc import Callable

from segmentation.errors import UsageError


class OptionError(UsageError):
    """A bad value; the message starts with the option's name."""


def parsed(option: str, text: str, parse: Callable[[str], int]) -> int:
    """What ``parse`` makes of ``text``, the value of ``option``.

    Raises:
        OptionError: it can't.
    """
    try:
        return parse(text)
    except (ValueError, OverflowError) as error:
        raise OptionError(f"{option}: {error}") from error
