"""A plain log for benchmarks: users by Zipf's law, even in time, nothing wrong in it; any length in little memory."""

import numpy as np

from pipeline.io.topics.options import TopicOptions
from pipeline.traffic import vocabulary as words
from pipeline.traffic.columns import Events, Ints, pick, zipf_weights
from pipeline.traffic.options import DEFAULT_START, TrafficOptionError
from pipeline.traffic.pieces import Piece
from pipeline.traffic.simulation import TrafficSummary, draw_ids, user_ids
from pipeline.traffic.vocabulary import NAMES
from pipeline.traffic.writer import open_log
from segmentation.units import DAY

_PIECE = 200_000
_EXPONENT = 1.0
#: By `vocabulary.Name`.
_NAME_SHARES = (0.02, 0.015, 0.015, 0.02, 0.1, 0.58, 0.19, 0.06)
#: By `vocabulary.Name`: the first of its payload codes, and how many there are; those of invites go by the users.
_PAYLOADS = (
    (words.FIRST_SIGNUP, len(words.REFERRAL_SOURCES) * len(words.PLANS)),
    (words.NO_PAYLOAD, 1),
    (words.NO_PAYLOAD, 1),
    (words.FIRST_INVITEE, 1),
    (words.NO_PAYLOAD, 1),
    (words.FIRST_PATH, len(words.PATHS)),
    (words.FIRST_FEATURE, len(words.FEATURES)),
    (words.FIRST_FEATURE, len(words.FEATURES)),
)


def zipf_events(
    n_events: int,
    n_users: int,
    days: int,
    seed: int,
    out: str,
    start: int = DEFAULT_START,
    topic: TopicOptions | None = None,
) -> TrafficSummary:
    """Writes ``n_events`` events of at most ``n_users`` users in the order of their (even) times.

    Args:
        n_events: lines in all; every one is a distinct, well-formed event.
        n_users: users; the k-th most active makes 1/k of the events of the first.
        days: length of the log in days.
        seed: determines every byte.
        out: as for `generate`.
        start: first instant of the log, µs since the epoch.
        topic: how a topic is written to.

    Raises:
        TrafficOptionError: a number is below 1, or the output cannot be written; names the option.
    """
    for option, value in (("--events", n_events), ("--users", n_users), ("--days", days)):
        if value < 1:
            raise TrafficOptionError(option, f"{value} is below 1")
    random = np.random.default_rng(seed)
    users = user_ids(n_users)
    # Ranks are scattered over the numbers, so that an id says nothing of how active its user is.
    numbers = random.permutation(n_users)
    weights = zipf_weights(n_users, _EXPONENT)
    counts = np.zeros(len(NAMES), np.int64)
    seen = np.zeros(n_users, np.bool_)
    ends: list[int] = []
    with open_log(out, topic=topic) as write:
        for begin in range(0, n_events, _PIECE):
            rows = np.arange(begin, min(begin + _PIECE, n_events))
            times = start + ((rows + random.random(len(rows))) * (days * DAY / n_events)).astype(np.int64)
            events = _draw(numbers[pick(random, weights, len(rows))], times, n_users, random)
            write(Piece.plain(events, draw_ids(len(rows), random), users))
            counts += np.bincount(events.name, minlength=len(NAMES))
            seen[events.user] = True
            ends += (int(times[0]), int(times[-1]))
    names = dict(zip(NAMES, counts.tolist(), strict=True))
    return TrafficSummary(out, n_events, n_events, int(seen.sum()), 0, 0, 0, 0, names, ends[0], ends[-1])


def _draw(user: Ints, times: Ints, n_users: int, random: np.random.Generator) -> Events:
    count = len(user)
    name = pick(random, _NAME_SHARES, count).astype(np.int8)
    first, below = np.array(_PAYLOADS, np.int64).T
    # There are three times as many people to invite as users.
    below[words.Name.INVITE_SENT] = 3 * n_users
    payload = first[name] + random.integers(0, below[name])
    client = random.integers(0, len(words.CLIENTS), count, np.int8)
    return Events(user.astype(np.int32), name, times, client, payload)
