"""What a user costs in memory and in state, in both stages: one who is known, and one who was forgotten.

`python -m tests.bench.forgetting [USERS]`. Each user has ten events within a day, under the rules of `examples/`. Then
all but a tenth stay away until they are forgotten.
"""

import gc
import sys
import time
import tracemalloc
from pathlib import Path

import numpy as np
import polars as pl

from segmentation.rules.file import parse_rules
from segmentation.rules.property_plan import property_plan
from segmentation.units import DAY
from tests.acceptance.driving import Core

EXAMPLE = Path(__file__).parents[2] / "examples" / "rules.yaml"
START = 1_767_225_600_000_000
NAMES = ["signup", "page_view", "feature_click", "session_start", "profile_completed", "project_created"]
FORGET_AFTER = "\nforget_after: 10d\n"


def events(users: int, day: int, seed: int, properties: tuple[str, ...]) -> pl.DataFrame:
    """Ten events of each user on a day after START."""
    random = np.random.default_rng(seed)
    count = 10 * users
    at = np.sort(random.integers(0, DAY, count)) + START + day * DAY
    columns = {
        "event_id": [f"{seed}/{number}" for number in range(count)],
        "user_id": [f"u{user}" for user in random.permutation(np.repeat(np.arange(users), 10))],
        "name": random.choice(NAMES, count),
        "occurred_at": at,
    }
    given = {f"p:{name}": random.choice(["organic", "paid", "social"], count) for name in properties}
    return pl.DataFrame({**columns, **given})


def held(core: Core) -> tuple[int, int]:
    """(bytes of snapshots, bytes in memory) of both stages."""
    snapshots = sum(len(each.snapshot()) for each in (*core.trackers, *core.assigners))
    core._parts.clear()
    gc.collect()
    return snapshots, tracemalloc.get_traced_memory()[0]


def measure(users: int, more: str) -> list[str]:
    """The figures of one run, as lines."""
    tracemalloc.start()
    rules = parse_rules(EXAMPLE.read_text(encoding="utf-8") + more, "rules.yaml")
    properties = property_plan(rules).properties
    core = Core(rules, 1)
    before = held(core)
    core.add(events(users, 0, 1, properties))
    core.advance(START + DAY)
    known = held(core)
    state, memory = _each(known, before, 0, users), _each(known, before, 1, users)
    lines = [f"  a user who is known: {state} B of state, {memory} B of memory"]
    if more:
        core.add(events(users // 10, 9, 2, properties))
        core.advance(START + 12 * DAY)
        after, assigner = held(core), core.assigners[0]
        gone = len(assigner.forgotten)
        lines.append(f"  afterwards: {len(assigner.users)} users known, {gone} forgotten who had a change")
        lines.append(
            f"  of a user who was forgotten: {assigner.forgotten.table().estimated_size() / gone:.0f} B of state"
        )
        lines.append(f"  all: {known[0] >> 10} KB of state and {known[1] >> 10} KB of memory before")
        lines.append(f"  all: {after[0] >> 10} KB of state and {after[1] >> 10} KB of memory afterwards")
    tracemalloc.stop()
    return lines


def _each(now: tuple[int, int], before: tuple[int, int], place: int, users: int) -> str:
    return f"{(now[place] - before[place]) / users:.0f}"


def main(users: int) -> None:
    """Prints the figures without and with forgetting."""
    for more in ("", FORGET_AFTER):
        started = time.process_time()
        lines = measure(users, more)
        seconds = time.process_time() - started
        sys.stdout.write("\n".join([f"{more.strip() or 'without forget_after'} ({seconds:.1f} s)", *lines, ""]))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 20_000)
