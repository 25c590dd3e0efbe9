"""What the command line of `make bench-flink` has for the two long runs."""

import argparse
import os
import time
from pathlib import Path
from typing import Any

from segmentation.units import parse_duration
from tests.acceptance.running import ENVIRONMENT
from tests.bench.flink.submit import Bench
from tests.bench.flink.year import hour, runs, week
from tests.bench.flink.year.feed_only import feed_only
from tests.bench.flink.year.plan import year

#: Minutes that the start, the end and the comparison of an hour may take on top.
_AROUND = 15

#: Events that a job never waits for: what it takes between two checkpoints.
_LEAST_AHEAD = 200_000


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declares them."""
    parser.add_argument("--year", action="store_true", help="a day of 86,400,000 events and a week after it, exact")
    parser.add_argument("--scale", type=float, default=1.0, help="of its events and users, such as 0.01 (1)")
    parser.add_argument("--forget", type=parse_duration, metavar="DURATION", help="forget_after of its rules (none)")
    parser.add_argument("--ahead", type=int, help="events that may wait in its topic (2000000 by the scale)")
    parser.add_argument("--feed-only", action="store_true", help="how fast its feed is, without a job")
    parser.add_argument("--hour", action="store_true", help="live traffic with a worker that is killed, exact")
    parser.add_argument("--minutes", type=int, default=60, help="that it lasts (60)")
    parser.add_argument("--events-a-second", type=float, default=500, help="of it (500)")
    parser.add_argument("--kill-every", type=float, default=10, help="minutes between two kills (10)")
    parser.add_argument("--duplicates", type=float, default=0.01, help="share of events sent again by --year (0.01)")
    parser.add_argument("--emit", default="early", choices=["early", "settled"], help="of both (early)")
    parser.add_argument("--every", type=float, default=3, help="seconds between two samples of both (3)")
    parser.add_argument("--timeout", type=float, metavar="MINUTES", help="ends both (180; the minutes and 15)")
    parser.add_argument("--run-option", action="append", default=[], help="one more for `segments run`")


def wanted(chosen: argparse.Namespace) -> bool:
    """Whether one of them is asked for."""
    return bool(chosen.year or chosen.hour)


def prepare() -> None:
    """Gives the stack, its workers and the jobs the keys by which changes are compared."""
    os.environ.update(ENVIRONMENT)


def measure(bench: Bench, chosen: argparse.Namespace) -> dict[str, Any]:
    """Runs what is asked for; the numbers of each run, by its name."""
    found: dict[str, Any] = {}
    if chosen.year:
        plan = year(chosen.scale, chosen.duplicates, chosen.forget)
        if chosen.feed_only:
            print(feed_only(bench, plan, chosen.timeout), flush=True)
            return found
        ahead = max(_LEAST_AHEAD, round(2_000_000 * chosen.scale)) if chosen.ahead is None else chosen.ahead
        outcome = week.long_week(bench, plan, _setting(chosen, 180), ahead, _folder(bench, "year"), _say)
        print(week.report(outcome), flush=True)
        found["year"] = week.numbers(outcome)
    if chosen.hour:
        setting = _setting(chosen, chosen.minutes + _AROUND)
        arguments = (chosen.minutes, chosen.events_a_second, chosen.kill_every, setting)
        live = hour.long_hour(bench, *arguments, _folder(bench, "hour"), _say)
        print(hour.report(live), flush=True)
        found["hour"] = hour.numbers(live)
    return found


def _setting(chosen: argparse.Namespace, minutes: float) -> runs.Setting:
    timeout = 60 * (minutes if chosen.timeout is None else chosen.timeout)
    return runs.Setting(chosen.parallelism[0], chosen.emit, chosen.every, timeout, tuple(chosen.run_option))


def _folder(bench: Bench, name: str) -> Path:
    return bench.folder / f"{name}-{time.strftime('%m%d-%H%M%S')}"


def _say(text: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {text}", flush=True)
