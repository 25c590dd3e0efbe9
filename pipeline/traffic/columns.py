"""Events as columns of small codes: 22 bytes an event until the moment it is written."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Codes = npt.NDArray[np.int8]
Numbers = npt.NDArray[np.int32]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Events:
    """Events, one per index of every column."""

    #: Number of the user.
    user: Numbers
    #: `vocabulary.Name`.
    name: Codes
    #: µs since the epoch.
    occurred_at: Ints
    #: Index into `vocabulary.CLIENTS`.
    client: Codes
    #: Payload code, see `vocabulary.payload`.
    payload: Ints

    def __len__(self) -> int:
        return len(self.user)

    def take(self, rows: npt.NDArray[np.int64] | npt.NDArray[np.bool_]) -> "Events":
        """The events at these rows (indices or a mask)."""
        return Events(self.user[rows], self.name[rows], self.occurred_at[rows], self.client[rows], self.payload[rows])


def events(
    user: npt.NDArray[np.integer],
    name: npt.NDArray[np.integer] | int,
    occurred_at: Ints,
    client: npt.NDArray[np.integer],
    payload: npt.NDArray[np.integer] | int,
) -> Events:
    """Events of these columns; one number for ``name`` or ``payload`` counts for all of them."""
    shape = user.shape
    return Events(
        user.astype(np.int32),
        np.broadcast_to(np.asarray(name, np.int8), shape),
        occurred_at,
        client.astype(np.int8),
        np.broadcast_to(np.asarray(payload, np.int64), shape),
    )


def concatenate(parts: Sequence[Events]) -> Events:
    """All parts one after the other."""
    return Events(
        np.concatenate([part.user for part in parts]),
        np.concatenate([part.name for part in parts]),
        np.concatenate([part.occurred_at for part in parts]),
        np.concatenate([part.client for part in parts]),
        np.concatenate([part.payload for part in parts]),
    )


def pick(random: np.random.Generator, weights: Sequence[float] | Floats, size: int) -> Ints:
    """``size`` indices drawn by ``weights`` (which need not add up to 1)."""
    cumulative = np.cumsum(np.asarray(weights, np.float64))
    drawn = np.searchsorted(cumulative, random.random(size) * cumulative[-1], side="right")
    indices: Ints = np.minimum(drawn, len(cumulative) - 1).astype(np.int64)
    return indices


def zipf_weights(count: int, exponent: float) -> Floats:
    """Weights 1 / rank ** exponent of ``count`` ranks, the first the heaviest."""
    weights: Floats = np.arange(1, count + 1, dtype=np.float64) ** -exponent
    return weights
