"""Attributes: what a property of a user's events says (the first, the last, the largest, how many different).

Values are kept as codes into a vocabulary of the shard (`Vocabulary`): a column of small integers per user.
"""

from collections.abc import Mapping

import numpy as np
import polars as pl

from segmentation.config import UNKNOWN, Attribute
from segmentation.features.timeline import (
    I64,
    NO_TIME,
    Changes,
    Column,
    Events,
    Span,
    grown,
    latest,
    renumbered,
    run_starts,
    running_totals,
    sum_by_key,
)

#: A number as JSON writes it: other texts that some reader would take for one ("+5", "007") are none.
_NUMBER = r"^-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?$"
#: The code of "no value".
NO_VALUE = -1


class Vocabulary:
    """Texts by code, in the order of their first appearance; a closed one turns all others into `UNKNOWN`."""

    def __init__(self, closed: tuple[str, ...] | None) -> None:
        self._closed = closed
        self.texts: list[str] = [*closed, UNKNOWN] if closed is not None else []
        self._codes = {text: code for code, text in enumerate(self.texts)}

    def encode(self, values: pl.Series) -> I64:
        """The code of each text (none may be null)."""
        distinct = values.unique()
        codes = [self._code(text) for text in distinct]
        return (
            values.replace_strict(distinct, codes, return_dtype=pl.Int64).to_numpy() if codes else np.empty(0, np.int64)
        )

    def _code(self, text: str) -> int:
        code = self._codes.get(text)
        if code is None and self._closed is not None:
            return self._codes[UNKNOWN]
        if code is None:
            code = self._codes[text] = len(self.texts)
            self.texts.append(text)
        return code

    def restore(self, texts: list[str]) -> None:
        """Take over the texts of an earlier vocabulary."""
        self.texts = texts
        self._codes = {text: code for code, text in enumerate(texts)}


def _carriers(feature: Attribute, events: Events, column: str) -> tuple[I64, pl.Series]:
    """The rows of the events that carry the attribute's property, and its values there."""
    values = events.properties[column]
    rows = np.flatnonzero(values.is_not_null().to_numpy() & events.named(feature.events))
    return rows, values.gather(rows)


class TouchState:
    """The first or the last value by event time; ties in time break by event id."""

    def __init__(self, feature: Attribute) -> None:
        self.feature = feature
        self.vocabulary = Vocabulary(feature.values)
        self._code = np.empty(0, np.int64)
        self._at = np.empty(0, np.int64)
        self._tie = np.empty(0, np.object_)

    def grow(self, users: int) -> None:
        """Make room for ``users`` rows."""
        self._code = grown(self._code, users, NO_VALUE)
        self._at = grown(self._at, users, NO_TIME)
        self._tie = grown(self._tie, users, "")

    def advance(self, events: Events, span: Span) -> Changes:
        """Take the values that come before (``first``) or after (``last``) what is known. Column: codes."""
        rows, values = _carriers(self.feature, events, "p:" + self.feature.property)
        table = pl.DataFrame(
            {
                "user": events.user[rows],
                "at": events.at[rows],
                "tie": events.tie.gather(rows),
                "index": events.index[rows],
                "code": self.vocabulary.encode(values),
            }
        )
        if len(run_starts(events.user[rows], events.at[rows])) < len(rows):
            table = table.sort("user", "at", "tie")
        table = table.filter(self._replaces(table))
        if self.feature.keep == "first":
            table = table.filter(pl.Series(_mask(run_starts(table["user"].to_numpy()), len(table))))
        keys = span.keys(table["user"].to_numpy(), table["index"].to_numpy())
        last = np.append(run_starts(keys)[1:], len(keys)) - 1 if len(keys) else keys
        table = table[last]
        users = table["user"].to_numpy()
        self._at[users], self._tie[users] = table["at"].to_numpy(), table["tie"].to_numpy()
        changes = Changes(keys[last], {self.feature.name: table["code"].to_numpy()})
        self._code = latest(changes, self.current(), span)[self.feature.name]
        return changes

    def current(self) -> dict[str, Column]:
        """Codes by user, `NO_VALUE` where there is none."""
        return {self.feature.name: self._code}

    def tables(self) -> dict[str, pl.DataFrame]:
        """``values`` (a row per user) and ``vocabulary``."""
        values = {"code": self._code, "at": self._at, "tie": pl.Series(self._tie, dtype=pl.String)}
        return {"values": pl.DataFrame(values), "vocabulary": pl.DataFrame({"text": self.vocabulary.texts})}

    def restore(self, tables: Mapping[str, pl.DataFrame]) -> None:
        """Take over what `tables` gave."""
        values = tables["values"]
        self._code, self._at = values["code"].to_numpy().copy(), values["at"].to_numpy().copy()
        self._tie = np.array(values["tie"].to_list(), np.object_)
        self.vocabulary.restore(tables["vocabulary"]["text"].to_list())

    def select(self, users: I64) -> "TouchState":
        """A copy for the given users only."""
        copy = TouchState(self.feature)
        copy.vocabulary = self.vocabulary
        copy._code, copy._at, copy._tie = self._code[users], self._at[users], self._tie[users]
        return copy

    def _replaces(self, table: pl.DataFrame) -> pl.Series:
        users, at = table["user"].to_numpy(), table["at"].to_numpy()
        known = self._at[users]
        newer = (known == NO_TIME) | ((at < known) if self.feature.keep == "first" else (at > known))
        for row in np.flatnonzero(at == known):
            tie, held = table["tie"][int(row)], self._tie[users[row]]
            newer[row] = tie < held if self.feature.keep == "first" else tie > held
        return pl.Series(newer)


class LargestState:
    """The largest number seen; what isn't a number doesn't count."""

    def __init__(self, feature: Attribute) -> None:
        self.feature = feature
        self._largest = np.empty(0, np.float64)

    def grow(self, users: int) -> None:
        """Make room for ``users`` rows."""
        self._largest = grown(self._largest, users, np.nan)

    def advance(self, events: Events, span: Span) -> Changes:
        """Take larger values. Column: the number, NaN where there is none."""
        rows, values = _carriers(self.feature, events, "p:" + self.feature.property)
        numeric = np.flatnonzero(values.str.contains(_NUMBER).to_numpy())
        rows, number = rows[numeric], values.gather(numeric).cast(pl.Float64).to_numpy()
        finite = np.isfinite(number)
        rows, number = rows[finite], number[finite]
        table = pl.DataFrame({"user": events.user[rows], "index": events.index[rows], "number": number})
        table = table.with_columns(pl.col("number").cum_max().over("user"))
        known = self._largest[events.user[rows]]
        table = table.filter(pl.Series(~(table["number"].to_numpy() <= known)))
        keys = span.keys(table["user"].to_numpy(), table["index"].to_numpy())
        last = np.append(run_starts(keys)[1:], len(keys)) - 1 if len(keys) else keys
        changes = Changes(keys[last], {self.feature.name: table["number"].to_numpy()[last]})
        self._largest = latest(changes, self.current(), span)[self.feature.name]
        return changes

    def current(self) -> dict[str, Column]:
        """Numbers by user."""
        return {self.feature.name: self._largest}

    def tables(self) -> dict[str, pl.DataFrame]:
        """``largest``: a row per user."""
        return {"largest": pl.DataFrame({"number": self._largest})}

    def restore(self, tables: Mapping[str, pl.DataFrame]) -> None:
        """Take over what `tables` gave."""
        self._largest = tables["largest"]["number"].to_numpy()

    def select(self, users: I64) -> "LargestState":
        """A copy for the given users only."""
        copy = LargestState(self.feature)
        copy._largest = self._largest[users]
        return copy


class DifferentState:
    """How many different values were seen; an open vocabulary is kept sealed, since its values may be persons."""

    def __init__(self, feature: Attribute) -> None:
        self.feature = feature
        self._values = pl.DataFrame(schema={"user": pl.Int64, "value": pl.String})
        self._count = np.empty(0, np.int64)

    def grow(self, users: int) -> None:
        """Make room for ``users`` rows."""
        self._count = grown(self._count, users, 0)

    def advance(self, events: Events, span: Span) -> Changes:
        """Count values that are new. Column: the number of different values."""
        feature = self.feature
        rows, values = _carriers(feature, events, ("h:" if feature.values is None else "p:") + feature.property)
        if feature.values is not None:
            closed = Vocabulary(feature.values)
            values = pl.Series(closed.texts, dtype=pl.String).gather(closed.encode(values))
        found = pl.DataFrame({"user": events.user[rows], "value": values, "index": events.index[rows]})
        new = found.unique(["user", "value"], keep="first", maintain_order=True)
        new = new.join(self._values, on=["user", "value"], how="anti")
        keys, amounts = sum_by_key(
            span.keys(new["user"].to_numpy(), new["index"].to_numpy()), np.ones(len(new), np.int64)
        )
        changes = Changes(keys, {feature.name: running_totals(keys, amounts, self._count, span.stride)})
        self._count = latest(changes, self.current(), span)[feature.name]
        self._values = pl.concat([self._values, new.select("user", "value")])
        return changes

    def current(self) -> dict[str, Column]:
        """The number of different values by user."""
        return {self.feature.name: self._count}

    def tables(self) -> dict[str, pl.DataFrame]:
        """``seen`` (user, value) and ``count`` (a row per user)."""
        return {"seen": self._values, "count": pl.DataFrame({"values": self._count})}

    def restore(self, tables: Mapping[str, pl.DataFrame]) -> None:
        """Take over what `tables` gave."""
        self._values = tables["seen"]
        self._count = tables["count"]["values"].to_numpy()

    def select(self, users: I64) -> "DifferentState":
        """A copy for the given users only."""
        copy = DifferentState(self.feature)
        rows, numbers = renumbered(self._values["user"].to_numpy(), users)
        copy._values = self._values.filter(pl.Series(rows)).with_columns(user=pl.Series(numbers))
        copy._count = self._count[users]
        return copy


def _mask(positions: I64, size: int) -> Column:
    mask = np.zeros(size, np.bool_)
    mask[positions] = True
    return mask
