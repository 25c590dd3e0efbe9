"""Events as they happen, for as long as they are asked for."""

import json
import random
import time
from collections.abc import Callable, Iterator

from tests.flink.logs import Record, partition_of

MICROS = 1_000_000


def plan_changes(
    users: int, seconds: float, clock: Callable[[], int], partitions: int, seed: int = 1
) -> Iterator[Record]:
    """Page views, one a record, each of a user who has changed the plan since the last one.

    Each is at the time that ``clock`` tells then, and no two at the same: by its time a change names its event.

    Args:
        users: as many take part, all alike.
        seconds: how long, by the clock of the machine.
        clock: the time of the events, µs; it may run faster than the machine's.
        partitions: of the topic.
        seed: of the users' turns.
    """
    turns = random.Random(seed)
    pro = [False] * users
    end = time.monotonic() + seconds
    at = 0
    number = 0
    while time.monotonic() < end:
        user = turns.randrange(users)
        pro[user] = not pro[user]
        at = max(clock(), at + 1)
        name = f"user{user}"
        event = {
            "event_id": f"{seed}-{number}",
            "user_id": name,
            "name": "page_view",
            "occurred_at": at,
            "properties": {"plan": "pro" if pro[user] else "free"},
        }
        key = name.encode()
        yield Record(partition_of(key, partitions), key, json.dumps(event).encode(), at // 1000, 1)
        number += 1


def wall_clock() -> int:
    """The machine's time, µs."""
    return time.time_ns() // 1000


def faster_clock(speed: float, seconds: float) -> Callable[[], int]:
    """A clock that runs ``speed`` times as fast as the machine's and meets it in ``seconds``: it is never ahead."""
    begin = time.monotonic()
    start = wall_clock() - round(seconds * speed * MICROS)
    return lambda: start + round((time.monotonic() - begin) * speed * MICROS)
