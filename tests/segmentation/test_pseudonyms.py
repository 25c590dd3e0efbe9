"""Pseudonyms: as the definition has them, written out with the standard library alone."""

import hashlib
import hmac

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from segmentation.identity.pseudonyms import Keys, Pseudonymizer, Subjects, change_id, stable_shards, subject_ids

KEYS = Keys(b"state key of a test", b"publish key of a test")
USERS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1)


def _hmac(key: bytes, data: bytes) -> bytes:
    return hmac.new(key, data, hashlib.sha256).digest()


@given(st.lists(USERS))
def test_internal_id_is_an_hmac_of_the_user_id(users: list[str]) -> None:
    expected = [_hmac(KEYS.state, user.encode()) for user in users]
    pseudonymizer = Pseudonymizer(KEYS)
    assert pseudonymizer.internals(users) == expected
    assert pseudonymizer.internals(users) == expected


@given(USERS)
def test_subject_is_an_hmac_of_the_internal_id(user: str) -> None:
    [internal] = Pseudonymizer(KEYS).internals([user])
    assert subject_ids(KEYS.publish, [internal]) == ["s1." + _hmac(KEYS.publish, internal).hex()[:32]]


@given(st.data())
def test_subjects_of_a_shard_are_those_of_its_users_whenever_they_came(data: st.DataObject) -> None:
    subjects, users = Subjects(KEYS.publish), list[bytes]()
    for size in data.draw(st.lists(st.integers(0, 4), max_size=5)):
        known = len(users)
        users += [bytes([known + number]) * 32 for number in range(size)]
        if data.draw(st.booleans()):
            subjects.meet(users, known)
        rows = data.draw(st.lists(st.integers(0, len(users) - 1), max_size=6)) if users else []
        assert subjects.of(users, np.array(rows, np.int64)) == subject_ids(KEYS.publish, [users[row] for row in rows])


def test_sealed_values_depend_on_the_state_key_only() -> None:
    assert Pseudonymizer(KEYS).sealed(["p1"]) == [_hmac(KEYS.state, b"p1").hex()[:32]]
    assert Pseudonymizer(Keys(KEYS.state, b"another")).sealed(["p1"]) == Pseudonymizer(KEYS).sealed(["p1"])
    assert Pseudonymizer(Keys(b"another", KEYS.publish)).sealed(["p1"]) != Pseudonymizer(KEYS).sealed(["p1"])


def test_rotating_the_publish_key_keeps_the_state() -> None:
    rotated = Keys(KEYS.state, b"another publish key")
    internals = Pseudonymizer(KEYS).internals(["ann", "bob"])
    assert Pseudonymizer(rotated).internals(["ann", "bob"]) == internals
    assert not set(subject_ids(KEYS.publish, internals)) & set(subject_ids(rotated.publish, internals))


def test_keys_are_never_shown() -> None:
    assert "key of a test" not in f"{KEYS!r} {KEYS}"


def test_forgetting_cached_users_changes_nothing() -> None:
    pseudonymizer = Pseudonymizer(KEYS)
    users = [f"user{number}" for number in range(200_010)]
    first = pseudonymizer.internals(users)
    assert pseudonymizer.internals(users[:5]) == first[:5]


@given(st.binary(min_size=32, max_size=32), st.integers(1, 4096))
def test_shard_is_the_first_eight_bytes(internal: bytes, shards: int) -> None:
    assert stable_shards([internal], shards).tolist() == [int.from_bytes(internal[:8], "little") % shards]


def test_users_spread_over_shards() -> None:
    internals = Pseudonymizer(KEYS).internals(f"user{number}" for number in range(16_000))
    sizes = np.bincount(stable_shards(internals, 16)).tolist()
    assert 850 < min(sizes) <= max(sizes) < 1150


def test_change_id() -> None:
    expected = hashlib.sha256(b"s1.abc|power_user|ENTERED|1767225600000000").hexdigest()[:32]
    assert change_id("s1.abc", "power_user", "ENTERED", 1_767_225_600_000_000) == expected
