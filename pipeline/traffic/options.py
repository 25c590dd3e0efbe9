"""What a simulated log should be like: options parsed and validated once, each error naming its option."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Final

from segmentation.errors import UsageError
from segmentation.units import DAY, HOUR, MINUTE, SECOND, parse_duration, parse_instant

#: 2026-01-01T00:00:00Z in µs since the epoch.
DEFAULT_START = 1_767_225_600 * SECOND

_SHARE = re.compile(r"(\d+(?:\.\d*)?|\.\d+)\s*(%?)")
_RATE = re.compile(r"(\d+(?:\.\d*)?|\.\d+)\s*/\s*(s|m|h)")
_RATE_UNITS = {"s": SECOND, "m": MINUTE, "h": HOUR}
_LATEST_START = 200 * 365 * DAY


class TrafficOptionError(UsageError):
    """An option of the simulator has a value that cannot be used; ``option`` is its name on the command line."""

    def __init__(self, option: str, problem: str) -> None:
        super().__init__(f"{option}: {problem}")
        self.option = option


def parse_share(text: str, option: str) -> float:
    """The fraction 0..1 that ``text`` says, as a percentage (``1%``) or a plain number (``0.01``).

    Raises:
        TrafficOptionError: the text is neither, or lies outside 0..1.
    """
    found = _SHARE.fullmatch(text.strip())
    if found is None:
        raise TrafficOptionError(
            option, f"{text!r} is not a share; write a percentage such as 1% or a number such as 0.01"
        )
    share = float(Fraction(found[1]) / (100 if found[2] else 1))
    _check_share(share, option)
    return share


def parse_rate(text: str, option: str = "--rate") -> float:
    """Lines per second that ``text`` says, such as ``1000/s`` or ``90/m``.

    Raises:
        TrafficOptionError: the text is no number per s, m or h, or is zero.
    """
    found = _RATE.fullmatch(text.strip())
    if found is None:
        raise TrafficOptionError(option, f"{text!r} is not a rate; write a number per s, m or h, such as 1000/s")
    rate = float(Fraction(found[1]) * SECOND / _RATE_UNITS[found[2]])
    if rate <= 0:
        raise TrafficOptionError(option, "a rate must be above zero; leave the option out for full speed")
    return rate


@dataclass(frozen=True)
class TrafficOptions:
    """A simulated log, validated on construction. The same options always give the same bytes.

    Raises:
        TrafficOptionError: a value is outside its range; names the option.
    """

    #: Users in all: those who sign up within the log and those who existed before it.
    users: int
    #: Length of the log in days of event time.
    days: int
    seed: int = 0
    #: First instant of the log, µs since the epoch.
    start: int = DEFAULT_START
    #: Lines per second at most; None writes at full speed.
    rate: float | None = None
    #: Upper bound in µs of arrival time minus event time, which the order of lines follows.
    disorder: int = 0
    #: Share of events delivered a second time, 0..1.
    duplicates: float = 0.0
    #: Malformed lines, in addition to the events, as a share of the events, 0..1.
    malformed: float = 0.0
    #: Share of the events of the second half of the log that follow a newer schema, 0..1.
    drift: float = 0.0

    def __post_init__(self) -> None:
        _check_range(self.users, 1, 50_000_000, "--users")
        _check_range(self.days, 1, 3_660, "--days")
        _check_range(self.seed, 0, 2**63 - 1, "--seed")
        _check_range(self.start, 0, _LATEST_START, "--start")
        _check_range(self.disorder, 0, DAY, "--disorder")
        if self.rate is not None and not 0 < self.rate < float("inf"):
            raise TrafficOptionError("--rate", f"{self.rate} is not a positive number of lines per second")
        _check_share(self.duplicates, "--duplicates")
        _check_share(self.malformed, "--malformed")
        _check_share(self.drift, "--drift")

    @property
    def end(self) -> int:
        """The first instant after the log, µs since the epoch."""
        return self.start + self.days * DAY

    @classmethod
    def parse(cls, users: int, days: int, seed: int = 0, **texts: str | None) -> "TrafficOptions":
        """Options from the texts of a command line, by their names; None leaves the default.

        Raises:
            TrafficOptionError: a text cannot be read or its value is outside its range; names the option.
        """
        said = {name: text for name, text in texts.items() if text is not None}
        return cls(users, days, seed, **{name: _parsed(name, said[name]) for name in _PARSERS if name in said})


def _parsed(name: str, text: str) -> Any:
    option = f"--{name}"
    try:
        return _PARSERS[name](text, option)
    except ValueError as error:
        raise TrafficOptionError(option, str(error)) from error


#: What each text of a command line is read by; in the order in which a bad one is told of.
_PARSERS: Final[Mapping[str, Callable[[str, str], float]]] = {
    "start": lambda text, _: parse_instant(text),
    "rate": parse_rate,
    "disorder": lambda text, _: parse_duration(text),
    "duplicates": parse_share,
    "malformed": parse_share,
    "drift": parse_share,
}


def _check_range(value: int, least: int, most: int, option: str) -> None:
    if isinstance(value, bool) or not isinstance(value, int):
        raise TrafficOptionError(option, f"{value!r} is not a whole number")
    if not least <= value <= most:
        raise TrafficOptionError(option, f"{value} is outside {least}..{most}")


def _check_share(value: float, option: str) -> None:
    if not 0 <= value <= 1:
        raise TrafficOptionError(option, f"{value} is outside 0..1 (0%..100%)")
