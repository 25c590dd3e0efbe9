"""Who a user is inside (never published, never rotated) and on the topic (rotatable).

``internal = HMAC-SHA-256(state key, user_id)`` keys all state; ``subject_id = "s1." + hex(HMAC-SHA-256(publish key,
internal))[:32]`` is what subscribers see. A raw user id is not kept anywhere beyond this module.
"""

import hashlib
import hmac
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from segmentation.columns.growing import grown

SUBJECT_PREFIX = "s1."
#: Bytes of the digest that a subject id shows.
_DIGEST_BYTES = 16
_CACHED_USERS = 200_000


@dataclass(frozen=True)
class Keys:
    """The two secrets, in bytes. Their text form never shows them.

    >>> Keys(b"state", b"publish")
    Keys()
    """

    state: bytes = field(repr=False)
    publish: bytes = field(repr=False)


def check_value(key: bytes) -> str:
    """16 hex digits by which a key is told from another one; they say nothing of the key.

    What is hashed is no UTF-8 and no internal id, so that they are no part of anybody's pseudonym either.

    >>> check_value(bytes(32)) == check_value(bytes(32)), check_value(bytes(32)) == check_value(b"x" * 32)
    (True, False)
    """
    return hmac.digest(key, b"\xffkey check value", "sha256").hex()[:16]


class Pseudonymizer:
    """Turns identifiers into pseudonyms, and remembers those of a bounded number of recent users.

    >>> pseudonymizer = Pseudonymizer(Keys(state=bytes(32), publish=bytes(32)))
    >>> ada, again = pseudonymizer.internals(["ada", "ada"])
    >>> len(ada), ada == again
    (32, True)
    >>> pseudonymizer.sealed(["ada"]) == [ada.hex()[:32]]
    True
    """

    def __init__(self, keys: Keys) -> None:
        self._keys = keys
        self._internals: dict[str, bytes] = {}

    def internals(self, user_ids: Iterable[str]) -> list[bytes]:
        """The 32-byte internal id of each user id."""
        known = self._internals
        if len(known) > _CACHED_USERS:
            known.clear()
        result = []
        for user_id in user_ids:
            internal = known.get(user_id)
            if internal is None:
                internal = hmac.digest(self._keys.state, user_id.encode(), "sha256")
                known[user_id] = internal
            result.append(internal)
        return result

    def sealed(self, values: Iterable[str]) -> list[str]:
        """32 hex digits for each value that names a person and is only compared with others (an invitee)."""
        return [hmac.digest(self._keys.state, value.encode(), "sha256").hex()[:32] for value in values]


def subject_ids(publish_key: bytes, internals: Iterable[bytes]) -> list[str]:
    """The published pseudonym of each internal id."""
    return _subject_texts(_subject_digests(publish_key, internals))


class Subjects:
    """The published pseudonyms of a shard's users, each computed once: 16 bytes a user.

    >>> users = Pseudonymizer(Keys(bytes(32), bytes(32))).internals(["ada", "bob"])
    >>> Subjects(bytes(32)).of(users, np.array([1])) == subject_ids(bytes(32), users[1:])
    True
    """

    def __init__(self, publish_key: bytes) -> None:
        self._publish_key = publish_key
        self._digests = np.empty((0, _DIGEST_BYTES), np.uint8)
        self._known = np.empty(0, np.bool_)

    def meet(self, users: Sequence[bytes], since: int) -> None:
        """Compute those of the new users, which are at ``since`` and after: a tick may need all of them at once."""
        self._learn(users, np.arange(since, len(users)))

    def of(self, users: Sequence[bytes], rows: npt.NDArray[np.int64]) -> list[str]:
        """The pseudonym of each row's user; ``users`` are all internal ids of the shard."""
        self._learn(users, rows)
        return _subject_texts(self._digests[rows].tobytes())

    def keep(self, rows: npt.NDArray[np.int64]) -> None:
        """Keep these users only, row ``rows[i]`` as row ``i``."""
        self._grow(int(rows.max(initial=-1)) + 1)
        self._known, self._digests = self._known[rows], self._digests[rows]

    def _learn(self, users: Sequence[bytes], rows: npt.NDArray[np.int64]) -> None:
        self._grow(len(users))
        missing = np.unique(rows[~self._known[rows]])
        digests = _subject_digests(self._publish_key, (users[row] for row in missing.tolist()))
        self._digests[missing] = np.frombuffer(digests, np.uint8).reshape(-1, _DIGEST_BYTES)
        self._known[missing] = True

    def _grow(self, users: int) -> None:
        self._known, self._digests = grown(self._known, users, False), grown(self._digests, users, 0)


def _subject_digests(publish_key: bytes, internals: Iterable[bytes]) -> bytes:
    return b"".join([hmac.digest(publish_key, internal, "sha256")[:_DIGEST_BYTES] for internal in internals])


def _subject_texts(digests: bytes) -> list[str]:
    text, width = digests.hex(), 2 * _DIGEST_BYTES
    return [SUBJECT_PREFIX + text[start : start + width] for start in range(0, len(text), width)]


def stable_shards(internals: Sequence[bytes], shards: int) -> npt.NDArray[np.int64]:
    """The shard of each user: the same on every machine and in every version.

    It is the first eight bytes of the internal id, little-endian, modulo ``shards``. Shape: (users,).
    """
    first = np.frombuffer(b"".join([internal[:8] for internal in internals]), np.dtype("<u8"))
    return (first % np.uint64(shards)).astype(np.int64)


def change_id(subject_id: str, segment: str, action: str, tick: int) -> str:
    """The id of a settled change (``tick`` in µs): 32 hex digits of SHA-256 over the four, the same in every replay."""
    return hashlib.sha256(f"{subject_id}|{segment}|{action}|{tick}".encode()).hexdigest()[:32]
