"""A column of optional strings without a Python object per row: positions in a list of values."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Codes = npt.NDArray[np.int32]
_NONE = np.empty(0, np.int32)


@dataclass(frozen=True)
class Texts:
    """``codes`` are positions in ``values``, -1 for null. Values may repeat, and some may be used by no row.

    >>> texts = Texts.of(["paid", None, "paid", "organic"])
    >>> texts.codes.tolist(), texts.values
    ([0, -1, 0, 1], ['paid', 'organic'])
    >>> texts.take(slice(2, 4)).to_list()
    ['paid', 'organic']
    """

    codes: Codes
    values: list[str]

    def __len__(self) -> int:
        return len(self.codes)

    @classmethod
    def of(cls, texts: Sequence[str | None]) -> "Texts":
        """A column of these strings, each value once."""
        places: dict[str, int] = {}
        codes = [-1 if text is None else places.setdefault(text, len(places)) for text in texts]
        return cls(np.array(codes, np.int32), list(places))

    @classmethod
    def absent(cls, size: int) -> "Texts":
        """A column of ``size`` nulls."""
        return cls(np.full(size, -1, np.int32), [])

    @classmethod
    def joined(cls, parts: Sequence["Texts"]) -> "Texts":
        """One column after the other."""
        values: list[str] = []
        codes = [_NONE]
        for part in parts:
            codes.append(np.where(part.codes < 0, part.codes, part.codes + np.int32(len(values))))
            values += part.values
        return cls(np.concatenate(codes), values)

    def present(self) -> npt.NDArray[np.bool_]:
        """Which rows are not null."""
        result: npt.NDArray[np.bool_] = self.codes >= 0
        return result

    def take(self, rows: npt.NDArray[Any] | slice) -> "Texts":
        """Some rows: positions, a mask or a slice."""
        return Texts(self.codes[rows], self.values)

    def compact(self) -> "Texts":
        """The same column, with only the values that some row uses."""
        if not len(self.values):
            return self
        named = np.zeros(len(self.values) + 1, np.bool_)
        named[self.codes] = True
        named[-1] = False
        places = np.cumsum(named, dtype=np.int32) - np.int32(1)
        places[-1] = -1
        return Texts(places[self.codes], [self.values[place] for place in np.flatnonzero(named).tolist()])

    def to_list(self) -> list[str | None]:
        """The strings, None for null."""
        values: list[str | None] = [*self.values, None]
        return [values[code] for code in self.codes.tolist()]

    def strings(self, null: str = "") -> list[str]:
        """The strings, ``null`` for null."""
        values = [*self.values, null]
        return [values[code] for code in self.codes.tolist()]
