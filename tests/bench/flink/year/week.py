"""`--year`: a day of many ids to remember, and the week after it; as fast as the job takes them."""

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from segmentation.units import DAY
from tests.bench.flink.submit import Bench
from tests.bench.flink.year import runs, summary
from tests.bench.flink.year.chart import chart
from tests.bench.flink.year.feeding import Feeder
from tests.bench.flink.year.plan import Plan
from tests.bench.flink.year.records import sendings

BATCH: Final = 100
HOUR_MICROS: Final = DAY // 24
#: The days at the end that say whether anything grows.
_LAST_DAYS: Final = 5


def long_week(
    bench: Bench, plan: Plan, setting: runs.Setting, ahead: int, folder: Path, say: Callable[[str], None]
) -> runs.Outcome:
    """Runs a plan through a job.

    Args:
        bench: the running stack.
        plan: what is sent.
        setting: of the job.
        ahead: events that may wait in the topic for the job.
        folder: gets samples, picture and rules.
        say: is told what happens.
    """
    outcome = runs.Outcome(plan, folder)
    try:
        with runs.started(bench, plan, setting, folder) as live:
            outcome.samples = live.sampler.samples
            records = sendings(plan, BATCH)
            kafka, topic = bench.addresses.kafka, live.job.read.topic
            with Feeder(kafka, topic, records, live.sent, done=lambda: live.sampler.done, ahead=ahead) as feeder:
                live.wait_for("the feed", lambda: _ended(feeder))
            say(f"{live.sent.events:,} events are sent, repeats among them")
            live.finish()
            say("all of them are behind the job; its changes are compared")
            _judge(live, outcome)
    except runs.ENDS as error:
        outcome.failure = runs.failure_of(error)
    return outcome


def _ended(feeder: Feeder) -> bool:
    feeder.check()
    return feeder.over


def _judge(live: runs.Live, outcome: runs.Outcome) -> None:
    reader = runs.ChangeReader(live, runs.judge_of(live.plan))
    try:
        reader.take_all()
        outcome.verdict = reader.came.verdict()
        outcome.early = reader.came.early
    finally:
        reader.close()


def report(outcome: runs.Outcome) -> str:
    """The numbers for people; the picture is written beside the samples."""
    plan, samples = outcome.plan, outcome.samples
    title = f"{plan.events:,} events, {plan.users:,} users, {plan.ticks} ticks"
    picture = chart(title, samples, lambda each: max(each.event_time - plan.start, 0) / HOUR_MICROS, "h of event time")
    (outcome.folder / "samples.svg").write_text(picture, encoding="utf-8")
    last = summary.after(samples, plan.end - _LAST_DAYS * DAY)
    lines = [title, summary.pace_table(plan, samples)]
    lines.append(summary.trend_table(summary.trends(last), f"last {_LAST_DAYS} days of event time"))
    return "\n".join([*lines, *ending(outcome)])


def numbers(outcome: runs.Outcome) -> dict[str, Any]:
    """The same for programs."""
    plan, samples = outcome.plan, outcome.samples
    first = summary.first_pace(plan, samples)
    last = summary.after(samples, plan.end - _LAST_DAYS * DAY)
    return {
        "good": outcome.good,
        "failure": outcome.failure,
        "verdict": None if outcome.verdict is None else asdict(outcome.verdict),
        "first": None if first is None else {**asdict(first), "rate": first.rate},
        "days": [{**asdict(pace), "rate": pace.rate} for pace in summary.daily(plan, samples)],
        "trends": [{**asdict(trend), "flat": trend.flat} for trend in summary.trends(last)],
    }


def ending(outcome: runs.Outcome) -> list[str]:
    """Whether it was exact, what else happened, and where the files are."""
    lines = []
    verdict = outcome.verdict
    if verdict is not None:
        word = "exact" if verdict.exact else "NOT EXACT"
        lines.append(
            f"{word}: {verdict.came:,} settled changes of {verdict.expected:,} expected; "
            f"{verdict.missing:,} missing, {verdict.extra:,} extra, {verdict.different:,} different, "
            f"{verdict.odd:,} odd; {verdict.repeats:,} repeats, {outcome.early:,} early changes"
        )
        lines += [f"  {example}" for example in verdict.examples]
    if outcome.samples:
        end = outcome.samples[-1]
        sizes = [f"{size / 1e6:,.0f}" for size in (end.state_disk, end.checkpoint_disk, end.broker_disk)]
        lines.append(
            f"{end.at / 60:.1f} minutes, {end.restarts} restarts, {end.checkpoints:,} checkpoints, "
            f"{end.checkpoints_failed} failed; MB on disk: state {sizes[0]}, checkpoints {sizes[1]}, broker {sizes[2]}"
        )
        lines.append(f"samples.csv and samples.svg are in {outcome.folder}")
    if outcome.failure:
        lines.append(f"ENDED BEFORE ITS END: {outcome.failure}")
    return lines
