"""Columns of nullable values as conditions compute with them: an array of data, and where it is known.

A value that is the same in all rows may stand as one (an array without dimensions); what is not known has data that
means nothing. Strings are codes into a list of words. A boolean that is not known has FALSE as its data.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from operator import eq, ge, gt, le, lt, ne
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa

from segmentation.expressions.nodes import ComparisonOperator

Data = npt.NDArray[Any]
KNOWN = np.bool_(True)
#: Products below this in double precision fit into 64 bits for certain.
_SAFE_PRODUCT = 2.0**62
#: A longer list of words is cut down before each of them is looked at.
_FEW_WORDS = 64

COMPARE: Mapping[ComparisonOperator, Callable[[Any, Any], Any]] = {
    "=": eq,
    "<>": ne,
    "<": lt,
    "<=": le,
    ">": gt,
    ">=": ge,
}


@dataclass(frozen=True)
class Values:
    """``words`` are given for strings only; they may repeat.

    >>> plans = Values.strings(["free", "pro"], np.array([1, -1, 0]))
    >>> plans.to_list(3)
    ['pro', None, 'free']
    >>> all_of([compared("=", plans, Values(1, words=["free", "pro"])), Values(np.True_)]).to_list(3)
    [True, None, False]
    """

    data: Any
    known: Any = KNOWN
    words: Sequence[str] | None = None

    @classmethod
    def unless(cls, null: npt.NDArray[np.bool_], data: Data) -> "Values":
        """The data, NULL where ``null``."""
        return cls(data, ~null)

    @classmethod
    def strings(cls, words: Sequence[str], codes: Data) -> "Values":
        """The word of each code, NULL for a negative one."""
        return cls(codes, codes >= 0, words)

    def to_list(self, size: int) -> list[Any]:
        """As Python values, None for NULL."""
        data = np.broadcast_to(self.data, size).tolist()
        known = np.broadcast_to(self.known, size).tolist()
        if self.words is not None:
            words = self.words
            return [words[code] if there else None for code, there in zip(data, known, strict=True)]
        return [value if there else None for value, there in zip(data, known, strict=True)]

    def take(self, rows: Data) -> "Values":
        """Some rows of a column."""
        known = self.known if np.ndim(self.known) == 0 else self.known[rows]
        return Values(self.data if np.ndim(self.data) == 0 else self.data[rows], known, self.words)

    def series(self, size: int) -> pl.Series:
        """As a column of Polars."""
        data = np.ascontiguousarray(np.broadcast_to(self.data, size))
        null = ~np.broadcast_to(self.known, size)
        if self.words is None:
            return pl.Series(pa.array(data, mask=null))
        words = pa.array(self.words, pa.large_string())
        return pl.Series(words.take(pa.array(data, mask=null)), dtype=pl.String)


#: Values by the name of a column, all of one length.
Table = Mapping[str, Values]


def both(left: Values, right: Values) -> Any:
    """Where both are known."""
    return left.known & right.known


def all_of(parts: Sequence[Values]) -> Values:
    """Three-valued conjunction."""
    result = parts[0]
    for part in parts[1:]:
        data = result.data & part.data
        known = (result.known & part.known) | (result.known & ~result.data) | (part.known & ~part.data)
        result = Values(data, known)
    return result


def any_of(parts: Sequence[Values]) -> Values:
    """Three-valued disjunction."""
    result = parts[0]
    for part in parts[1:]:
        data = result.data | part.data
        result = Values(data, (result.known & part.known) | data)
    return result


def negation(value: Values) -> Values:
    """Three-valued negation."""
    return Values(value.known & ~value.data, value.known)


def compared(operator: ComparisonOperator, left: Values, right: Values) -> Values:
    """Two of one type; NULL where either is. Strings go by code points, and a NaN is equal to itself and above all."""
    known = both(left, right)
    left, right = narrowed(left), narrowed(right)
    if left.words is not None and right.words is not None:
        result = _compared_words(operator, left, left.words, right, right.words)
    else:
        result = COMPARE[operator](left.data, right.data)
        if _has_nan(left.data) or _has_nan(right.data):
            result = COMPARE[operator](_total(left.data), _total(right.data))
    return Values(result & known, known)


def chosen(condition: Values, then: Values, otherwise: Values) -> Values:
    """``then`` where the condition is TRUE, ``otherwise`` where it is FALSE or NULL."""
    if then.words is not None and otherwise.words is not None:
        shifted = otherwise.data + len(then.words)
        data = np.where(condition.data, then.data, shifted)
        known = np.where(condition.data, then.known, otherwise.known)
        return Values(data, known, [*then.words, *otherwise.words])
    known = np.where(condition.data, then.known, otherwise.known)
    return Values(np.where(condition.data, then.data, otherwise.data), known)


def added(left: Values, right: Values) -> Values:
    """Whole numbers; what does not fit into 64 bits is unknown rather than wrapped around."""
    total = left.data + right.data
    return Values(total, both(left, right) & (((left.data ^ total) & (right.data ^ total)) >= 0))


def subtracted(left: Values, right: Values) -> Values:
    """As `added`."""
    difference = left.data - right.data
    return Values(difference, both(left, right) & (((left.data ^ right.data) & (left.data ^ difference)) >= 0))


def multiplied(left: Values, right: Values) -> Values:
    """As `added`."""
    product = left.data * right.data
    known = both(left, right)
    size = np.abs(np.asarray(left.data, np.float64)) * np.abs(np.asarray(right.data, np.float64))
    if (size >= _SAFE_PRODUCT).any():
        exact = np.asarray(left.data).astype(np.object_) * np.asarray(right.data).astype(np.object_)
        known = known & np.asarray(exact == product, np.bool_)
    return Values(product, known)


def _has_nan(data: Any) -> bool:
    return np.asarray(data).dtype.kind == "f" and bool(np.isnan(data).any())


def _total(data: Any) -> Any:
    """Pairs as complex numbers, which are ordered by their first part and then by the second: NaN above infinity."""
    numbers = np.asarray(data, np.float64)
    nan = np.isnan(numbers)
    return np.where(nan, np.inf, numbers) + 1j * nan


def narrowed(values: Values) -> Values:
    """Strings over no more than the words that occur, where the list is long."""
    words = values.words
    if words is None or len(words) <= _FEW_WORDS:
        return values
    codes, place = np.unique(np.append(values.data, -1), return_inverse=True)
    few = [words[code] for code in codes[1:].tolist()]
    return Values(place[:-1].reshape(np.shape(values.data)) - 1, values.known, few)


def _compared_words(
    operator: ComparisonOperator, left: Values, words: Sequence[str], right: Values, others: Sequence[str]
) -> Any:
    """By way of the places of all words in their order: a few words stand for many rows."""
    order = {word: place for place, word in enumerate(sorted({*words, *others}))}
    first, second = (np.array([*(order[word] for word in each), -1], np.int64) for each in (words, others))
    return COMPARE[operator](first[left.data], second[right.data])
