"""Rows in runs against a plain list: whatever was added and dropped, the same rows are found."""

from collections import Counter

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from segmentation.columns.runs import Rows, Runs

KEYS = st.integers(0, 12)
ADD = st.lists(st.tuples(KEYS, st.integers(0, 99)), max_size=9).map(lambda rows: ("add", rows))
STEPS = st.lists(ADD | st.tuples(st.sampled_from(["drop", "retain", "replace"]), st.integers(-1, 13)), max_size=12)


def _counted(rows: Rows) -> Counter[tuple[int, int]]:
    return Counter(zip(rows["key"].tolist(), rows["value"].tolist(), strict=True))


def _shifted(run: Rows, by: int) -> Rows:
    """Keys become their distance from a number; those that are the number itself go."""
    kept = run["key"] != by
    return {"key": np.abs(run["key"][kept] - by), "value": run["value"][kept]}


@given(STEPS, st.sets(KEYS), KEYS)
def test_finds_what_a_list_would(
    steps: list[tuple[str, list[tuple[int, int]] | int]], wanted: set[int], limit: int
) -> None:
    runs = Runs({"key": np.int64, "value": np.int64})
    held: list[tuple[int, int]] = []
    for kind, argument in steps:
        if isinstance(argument, list):
            columns = np.array(argument, np.int64).reshape(-1, 2)
            runs.add({"key": columns[:, 0].copy(), "value": columns[:, 1].copy()})
            held += argument
        elif kind == "drop":
            runs.drop_up_to(argument)
            held = [row for row in held if row[0] > argument]
        elif kind == "replace":
            runs.replace(lambda run, by=argument: _shifted(run, by))
            held = [(abs(key - argument), value) for key, value in held if key != argument]
        else:
            # It may keep more than asked for, never less.
            runs.retain("value", argument)
            kept = _counted(runs.all())
            assert not Counter(row for row in held if row[1] >= argument) - kept
            held = list(kept.elements())
    assert len(runs) == len(held)
    assert _counted(runs.all()) == Counter(held)
    assert _counted(runs.up_to(limit)) == Counter(row for row in held if row[0] <= limit)
    keys = np.array(sorted(wanted), np.int64)
    assert _counted(runs.having(keys)) == Counter(row for row in held if row[0] in wanted)
    assert runs.contains(keys).tolist() == [key in {row[0] for row in held} for key in sorted(wanted)]


def test_few_runs_however_many_additions() -> None:
    runs = Runs({"key": np.int64})
    for number in range(1_000):
        runs.add({"key": np.array([number * 7 % 1_000])})
    assert len(runs._runs) <= 6
    assert runs.up_to(99)["key"].size == 100
