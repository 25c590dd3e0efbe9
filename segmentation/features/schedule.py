"""What users will gain or lose at later ticks, although no event of theirs arrives: panes that fall out of a window."""

from collections.abc import Mapping

import numpy as np
import polars as pl

from segmentation.columns.arrays import I64, Bool, Column
from segmentation.columns.runs import Rows, Runs
from segmentation.features.timeline import Span, Updates, running_totals, sum_by_key

#: (tick in µs, user, amount): three columns of one length.
Amounts = tuple[I64, I64, I64]


class Schedule:
    """Amounts by the tick at which they count.

    >>> schedule, span = Schedule(), Span(settled=0, tick=10, count=2)
    >>> entering = (np.array([20, 50]), np.array([7, 7]), np.array([1, -1]))  # a gain at 20, a loss at 50
    >>> schedule.settle(span, entering)
    >>> schedule.table().rows()
    [(50, 7, -1)]
    """

    def __init__(self) -> None:
        self._runs = Runs({"key": np.int64, "user": np.int64, "amount": np.int64})

    def due(self, span: Span, new: Amounts, only: Bool | None) -> tuple[I64, I64]:
        """(keys, amounts) of all that counts within ``span``: what was scheduled, and ``new`` as far as they do."""
        held = self._runs.up_to(span.end)
        ticks, users, amounts = held["key"], held["user"], held["amount"]
        if only is not None and len(users):
            chosen = only[users]
            ticks, users, amounts = ticks[chosen], users[chosen], amounts[chosen]
        within = new[0] <= span.end
        ticks = np.concatenate([ticks, new[0][within]])
        users = np.concatenate([users, new[1][within]])
        return span.keys(users, span.index(ticks)), np.concatenate([amounts, new[2][within]])

    def settle(self, span: Span, new: Amounts) -> None:
        """Forget what counted up to the end of ``span``, and keep those of ``new`` that count later."""
        self._runs.drop_up_to(span.end)
        later = new[0] > span.end
        self._runs.add({"key": new[0][later], "user": new[1][later], "amount": new[2][later]})

    def keep(self, places: I64) -> None:
        """Number users anew, by old number (-1: forget what waits for them; see `timeline.places_of`)."""

        def kept(rows: Rows) -> Rows:
            users = places[rows["user"]]
            chosen = users >= 0
            return {"key": rows["key"][chosen], "user": users[chosen], "amount": rows["amount"][chosen]}

        self._runs.replace(kept)

    def join(self, other: "Schedule", users: int) -> None:
        """Take in what waits in ``other``, whose user 0 is user ``users`` here."""
        rows = other._runs.all()
        self._runs.add({**rows, "user": rows["user"] + users})

    def table(self) -> pl.DataFrame:
        """All that waits: ``tick`` (µs), ``user``, ``amount``."""
        rows = self._runs.all()
        return pl.DataFrame({"tick": rows["key"], "user": rows["user"], "amount": rows["amount"]})

    def restore(self, table: pl.DataFrame) -> None:
        """Take over what `table` gave."""
        self._runs.clear()
        self._runs.add({name: table[column].to_numpy() for name, column in _COLUMNS.items()})


_COLUMNS: Mapping[str, str] = {"key": "tick", "user": "user", "amount": "amount"}


def moved(name: str, keys: I64, amounts: I64, before: Column, span: Span) -> Updates:
    """The changes of a total to which ``amounts`` are added at ``keys``; ``before`` is what each user had."""
    keys, deltas = sum_by_key(keys, amounts)
    return Updates(keys, {name: running_totals(keys, deltas, before, span.stride)})
