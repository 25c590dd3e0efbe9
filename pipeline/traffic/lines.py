"""Events as lines of text, built in columns: JSON lines and CSV."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa

from pipeline.traffic.columns import Events, Ints
from pipeline.traffic.vocabulary import CLIENTS, FIRST_INVITEE, NAMES, PAYLOADS, PROPERTIES, payload

Ids = npt.NDArray[np.uint8]
CSV_HEADER = ",".join(("event_id", "user_id", "name", "occurred_at", "source", *PROPERTIES)).encode() + b"\n"


@dataclass(frozen=True)
class Lines:
    """Lines in one buffer, each with its newline: line i is ``data[offsets[i]:offsets[i + 1]]``."""

    data: memoryview
    offsets: Ints

    def line(self, row: int) -> bytes:
        """The bytes of one line."""
        return bytes(self.data[self.offsets[row] : self.offsets[row + 1]])

    def replaced(self, replacements: Mapping[int, bytes]) -> bytes:
        """All lines, with those at the given rows (ascending) replaced."""
        parts: list[bytes | memoryview] = []
        done = 0
        for row, line in replacements.items():
            parts += (self.data[done : self.offsets[row]], line)
            done = int(self.offsets[row + 1])
        parts.append(self.data[done : self.offsets[-1]])
        return b"".join(parts)


def json_lines(events: Events, ids: Ids, users: pl.Series) -> Lines:
    """Events as JSON lines.

    Args:
        events: the events.
        ids: their 16-byte event ids, shape (events, 16).
        users: the id of each user by number.
    """
    names, clients, payloads = _json_books()
    return _join(
        pl.lit('{"event_id":"'),
        _hex(ids),
        pl.lit('","user_id":"'),
        users.gather(events.user),
        names.gather(events.name),
        pl.Series(events.occurred_at),
        clients.gather(events.client),
        _payload_texts(events.payload, payloads, _json_payload),
    )


def csv_lines(events: Events, ids: Ids, users: pl.Series) -> Lines:
    """Events as CSV lines with the columns of `CSV_HEADER`; arguments as of `json_lines`."""
    names, clients, payloads = _csv_books()
    return _join(
        _hex(ids),
        pl.lit(","),
        users.gather(events.user),
        names.gather(events.name),
        pl.Series(events.occurred_at),
        clients.gather(events.client),
        _payload_texts(events.payload, payloads, _csv_payload),
    )


def _join(*parts: pl.Expr | pl.Series) -> Lines:
    texts = pl.select(
        pl.concat_str([part if isinstance(part, pl.Expr) else pl.lit(part) for part in parts])
    ).to_series()
    array: Any = texts.rechunk().to_arrow(compat_level=pl.CompatLevel.oldest())
    _, offsets, data = array.buffers()
    first = array.offset
    return Lines(memoryview(data), np.frombuffer(offsets, np.int64)[first : first + len(array) + 1])


def _hex(ids: Ids) -> pl.Series:
    """32 hex digits of each id, without a Python object per id."""
    digits = np.ascontiguousarray(ids).tobytes().hex().encode()
    offsets = np.arange(0, len(digits) + 1, 32, dtype=np.int64)
    array: Any = pa.Array.from_buffers(pa.large_string(), len(ids), [None, pa.py_buffer(offsets), pa.py_buffer(digits)])
    return pl.Series(array)


def _payload_texts(codes: Ints, book: pl.Series, text: Callable[[dict[str, str]], str]) -> pl.Series:
    """The text of every payload code; invitees, of whom there is no end, join the book for these events only."""
    invites = codes >= FIRST_INVITEE
    if not invites.any():
        return book.gather(codes)
    invitees, places = np.unique(codes[invites], return_inverse=True)
    places_in_book = codes.copy()
    places_in_book[invites] = FIRST_INVITEE + places
    return pl.concat([book, pl.Series([text(payload(int(code))) for code in invitees])]).gather(places_in_book)


@lru_cache(maxsize=1)
def _json_books() -> tuple[pl.Series, pl.Series, pl.Series]:
    return (
        pl.Series([f'","name":"{name}","occurred_at":' for name in NAMES]),
        pl.Series([f',"source":"{client}"' for client in CLIENTS]),
        pl.Series([_json_payload(properties) for properties in PAYLOADS]),
    )


def _json_payload(properties: dict[str, str]) -> str:
    return f',"properties":{json.dumps(properties, separators=(",", ":"))}}}\n' if properties else "}\n"


@lru_cache(maxsize=1)
def _csv_books() -> tuple[pl.Series, pl.Series, pl.Series]:
    return (
        pl.Series([f",{name}," for name in NAMES]),
        pl.Series([f",{client}," for client in CLIENTS]),
        pl.Series([_csv_payload(properties) for properties in PAYLOADS]),
    )


def _csv_payload(properties: dict[str, str]) -> str:
    return ",".join(properties.get(name, "") for name in PROPERTIES) + "\n"
