"""The hash of event ids: as its definition has it, the same forever, whatever the column looks like."""

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from segmentation.columns.hashing import hash_strings

_SEEDS = (0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F)
_MULTIPLIERS = (0xFF51AFD7ED558CCD, 0x9FB21C651E98DF25)
_ALL = 2**64 - 1
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)


def _lane(text: str, lane: int) -> int:
    """One string at a time, in plain integers, from the definition."""
    data = text.encode()
    state = _SEEDS[lane] ^ len(data)
    for start in range(0, len(data), 8):
        state ^= int.from_bytes(data[start : start + 8].ljust(8, b"\0"), "little")
        state = state * _MULTIPLIERS[lane] & _ALL
        state ^= state >> 32
    state ^= state >> 30
    state = state * 0xBF58476D1CE4E5B9 & _ALL
    state ^= state >> 27
    state = state * 0x94D049BB133111EB & _ALL
    return state ^ state >> 31


def _hashes(values: pl.Series) -> list[tuple[int, int]]:
    high, low = hash_strings(values)
    return list(zip(high.tolist(), low.tolist(), strict=True))


@given(st.lists(TEXTS, max_size=30))
def test_equals_the_definition(texts: list[str]) -> None:
    values = pl.Series(texts, dtype=pl.String)
    assert _hashes(values) == [(_lane(text, 0), _lane(text, 1)) for text in texts]


def test_stays_as_it_is() -> None:
    # State outlives versions: these numbers may never change.
    assert _hashes(pl.Series(["", "e1", "0123456789abcdef0"])) == FROZEN


FROZEN = [
    (0xE220A8397B1DCDAF, 0x68850AC74E2E5A26),
    (0x7800CFB98143FD52, 0x230F287605D860A9),
    (0xA485A4A0FD9403ED, 0xC73830EBBBD37F47),
]


@given(st.lists(TEXTS, min_size=2, max_size=30), st.data())
def test_slices_and_chunks_do_not_show(texts: list[str], data: st.DataObject) -> None:
    cut = data.draw(st.integers(1, len(texts) - 1))
    values = pl.Series(texts, dtype=pl.String)
    whole = _hashes(values)
    assert _hashes(values[cut:]) == whole[cut:]
    assert _hashes(pl.concat([values[:cut], values[cut:]], rechunk=False)) == whole


def test_null_hashes_like_the_empty_string() -> None:
    values = pl.Series(["a", None, ""], dtype=pl.String)
    assert _hashes(values)[1] == _hashes(values)[2]


def test_padding_is_told_apart_by_the_length() -> None:
    assert len(set(_hashes(pl.Series(["a", "a\0", "a\0\0", "a" + "\0" * 7, "a" + "\0" * 8])))) == 5


def test_no_strings() -> None:
    assert _hashes(pl.Series([], dtype=pl.String)) == []


def test_no_collision_among_many_in_either_lane() -> None:
    high, low = hash_strings(pl.Series([f"event-{number}" for number in range(200_000)]))
    assert len(set(high.tolist())) == len(set(low.tolist())) == 200_000
