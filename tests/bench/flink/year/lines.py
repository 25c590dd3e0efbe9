"""Events as lines of JSON, many at once: numbers become digits by looking up four of them at a time."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from tests.bench.flink.year.events import KINDS, Events, Integers

Bytes = npt.NDArray[np.uint8]

#: The digits of 0 to 9999.
_DIGITS: Final = np.array([list(b"%04d" % number) for number in range(10_000)], np.uint8)
_ID_DIGITS, _USER_DIGITS, _TIME_DIGITS = 12, 8, 16
#: A byte that no line holds.
_NOTHING: Final = 0


@dataclass(frozen=True)
class Lines:
    """Lines, each with its line end, one after another in ``data``: line i ends before ``ends[i]``."""

    data: bytes
    ends: Integers

    def between(self, first: int, last: int) -> bytes:
        """The lines from the one to before the other, without the line end of the last."""
        begin = int(self.ends[first - 1]) if first else 0
        return self.data[begin : int(self.ends[last - 1]) - 1]


def user_name(user: int) -> str:
    """The id of a user in its events."""
    return f"u{user:0{_USER_DIGITS}d}"


def _tails() -> tuple[Bytes, Integers]:
    """What follows the user in a line, by kind, filled up to one length; and the lengths."""
    texts = []
    for name, plan, _ in KINDS:
        properties = "" if plan is None else f',"properties":{{"plan":"{plan}"}}'
        texts.append(f'","name":"{name}"{properties},"occurred_at":'.encode())
    lengths = np.array([len(text) for text in texts])
    filled = np.array([list(text.ljust(int(lengths.max()), b"\0")) for text in texts], np.uint8)
    return filled, lengths


_HEAD: Final = np.frombuffer(b'{"event_id":"', np.uint8)
_USER: Final = np.frombuffer(b'","user_id":"u', np.uint8)
_END: Final = np.frombuffer(b"}\n", np.uint8)
_TAILS, _TAIL_LENGTHS = _tails()
_FIXED: Final = len(_HEAD) + _ID_DIGITS + len(_USER) + _USER_DIGITS + _TIME_DIGITS + len(_END)


def lines_of(events: Events) -> Lines:
    """The events as lines, in their order."""
    parts = [
        _HEAD,
        *_digits(events.number, _ID_DIGITS),
        _USER,
        *_digits(events.user, _USER_DIGITS),
        _TAILS[events.kind],
        *_digits(events.time, _TIME_DIGITS),
        _END,
    ]
    rows = np.empty((len(events), _FIXED + _TAILS.shape[1]), np.uint8)
    place = 0
    for part in parts:
        width = part.shape[-1]
        rows[:, place : place + width] = part
        place += width
    flat = rows.ravel()
    return Lines(flat[flat != _NOTHING].tobytes(), np.cumsum(_FIXED + _TAIL_LENGTHS[events.kind]))


def _digits(numbers: Integers, width: int) -> Iterator[Bytes]:
    """The decimal digits of numbers, four columns at a time, the highest first."""
    for low in range(width - 4, -1, -4):
        yield _DIGITS[(numbers // 10**low) % 10_000]
