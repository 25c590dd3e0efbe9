"""Arrays that grow in place are what arrays that are copied would be, whatever parts of them are at hand."""

import gc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from segmentation.columns import growing
from segmentation.columns.growing import grown

STEP = st.one_of(
    st.tuples(st.just("grow"), st.integers(0, 9)),
    st.tuples(st.just("write"), st.integers(0, 50)),
    st.tuples(st.just("cut"), st.integers(0, 50)),
    st.tuples(st.just("pick"), st.integers(0, 50)),
    st.tuples(st.just("from"), st.integers(0, 50)),
)


@given(steps=st.lists(STEP, max_size=60), fill=st.sampled_from([0, -1]), width=st.sampled_from([None, 3]))
def test_grown_array_is_the_copied_one(steps: list[tuple[str, int]], fill: int, width: int | None) -> None:
    shape = (0,) if width is None else (0, width)
    found = np.zeros(shape, np.int64)
    expected = found.copy()
    for number, (step, size) in enumerate(steps, start=1):
        row = size % len(expected) if len(expected) else 0
        if step == "grow":
            found = grown(found, len(found) + size, fill)
            more = np.full((size, *expected.shape[1:]), fill)
            expected = np.concatenate([expected, more])
        elif step == "write" and len(expected):
            found[row] = expected[row] = number
        elif step == "cut":
            found, expected = found[:row], expected[:row].copy()
        elif step == "from":
            found, expected = found[row:], expected[row:].copy()
        elif step == "pick" and len(expected):
            rows = np.arange(0, len(expected), 2)
            found, expected = found[rows], expected[rows]
        assert found.tolist() == expected.tolist()


def test_growing_one_by_one_copies_now_and_then_only() -> None:
    values, places = np.zeros(100, np.int64), set()
    for size in range(101, 1_001):
        values = grown(values, size, 0)
        places.add(values.ctypes.data)
    assert len(places) < 25


def test_another_fill_is_never_found_behind_an_array() -> None:
    zeros = grown(np.zeros(100, np.int64), 101, 0)
    assert grown(zeros, 102, 7).tolist() == [*[0] * 101, 7]


@pytest.mark.parametrize("kind", [np.bool_, np.float64, object])
def test_kinds_of_arrays(kind: type) -> None:
    values = grown(np.array([], kind), 2, kind())
    assert values.dtype == kind
    assert values.tolist()[:1] == [kind()] or kind is object


def test_room_is_forgotten_with_its_array() -> None:
    before = len(growing._rooms)
    values = grown(np.zeros(10), 11, 0)
    assert len(growing._rooms) == before + 1
    del values
    gc.collect()
    assert len(growing._rooms) <= before
