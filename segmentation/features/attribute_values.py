"""The values of attributes as codes (a column of small integers per user) or as numbers."""

import re

import numpy as np
import numpy.typing as npt

from segmentation.columns.arrays import I64
from segmentation.columns.texts import Texts
from segmentation.features.nulls import NO_VALUE
from segmentation.features.timeline import run_starts

#: A number as JSON writes it: other texts that some reader would take for one ("+5", "007") are none.
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
#: What a closed attribute holds for a value outside of its vocabulary.
UNKNOWN = "unknown"


class Vocabulary:
    """Texts by code, in the order of their first appearance; a closed one turns all others into `UNKNOWN`.

    >>> vocabulary = Vocabulary(closed=("free", "pro"))
    >>> vocabulary.encode(Texts.of(["pro", "gold", "pro"])).tolist(), vocabulary.texts
    ([1, 2, 1], ['free', 'pro', 'unknown'])
    """

    def __init__(self, closed: tuple[str, ...] | None) -> None:
        self._closed = closed
        self.texts: list[str] = [*closed, UNKNOWN] if closed is not None else []
        self._codes = {text: code for code, text in enumerate(self.texts)}

    def encode(self, values: Texts) -> I64:
        """The code of each text (none may be null)."""
        distinct, place = np.unique(values.codes, return_inverse=True)
        codes: I64 = np.array([self._code(values.values[each]) for each in distinct.tolist()], np.int64)[place]
        return codes

    def _code(self, text: str) -> int:
        code = self._codes.get(text)
        if code is None and self._closed is not None:
            return self._codes[UNKNOWN]
        if code is None:
            code = self._codes[text] = len(self.texts)
            self.texts.append(text)
        return code

    def keep(self, codes: I64) -> I64:
        """Forget the texts that none of ``codes`` (-1: none) names, unless the vocabulary is closed; the new codes."""
        if self._closed is not None:
            return codes
        used, place = np.unique(np.append(codes, NO_VALUE), return_inverse=True)
        self.restore([self.texts[code] for code in used[1:].tolist()])
        # The first of the distinct codes is always the one for no value, so that it stays -1.
        kept: I64 = place[:-1] - 1
        return kept

    def join(self, other: "Vocabulary") -> I64:
        """Take in the texts of another one. By its code the code here; the entry behind the last is for -1."""
        return np.array([*map(self._code, other.texts), NO_VALUE], np.int64)

    def restore(self, texts: list[str]) -> None:
        """Take over the texts of an earlier vocabulary."""
        self.texts = texts
        self._codes = {text: code for code, text in enumerate(texts)}


def numbers_of(values: Texts) -> npt.NDArray[np.float64]:
    """The number that each text is, NaN for one that is none (no text may be null)."""
    distinct, place = np.unique(values.codes, return_inverse=True)
    texts = [values.values[code] for code in distinct.tolist()]
    numbers = [float(text) if _NUMBER.fullmatch(text) else np.nan for text in texts]
    result: npt.NDArray[np.float64] = np.array(numbers, np.float64)[place]
    return result


def order_by_tie(user: I64, at: I64, ties: Texts) -> I64:
    """The order of rows sorted by (user, time) that sorts those of one time by event id as well."""
    order = np.arange(len(user))
    starts = run_starts(user, at)
    if len(starts) < len(user):
        for start, end in zip(starts.tolist(), [*starts[1:].tolist(), len(user)], strict=True):
            if end - start > 1:
                texts = ties.take(order[start:end]).strings()
                order[start:end] = start + np.array(sorted(range(end - start), key=texts.__getitem__))
    return order
