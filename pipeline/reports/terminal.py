"""What a person at a terminal sees: progress while it lasts, and what came of it."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from rich import progress as bars
from rich.console import Console

from pipeline.io.progress import listening
from pipeline.options.run_options import RunOptions

if TYPE_CHECKING:
    from pipeline.io.topics.topic import Topic
    from pipeline.runners.summary import Summary
    from pipeline.streams.heartbeat import HeartbeatSummary
    from pipeline.streams.replay import ReplaySummary
    from pipeline.streams.tail import TailSummary
    from pipeline.traffic.simulation import TrafficSummary

_STAGES = {"ON_TIME": "settled on time", "LATE": "settled late", "EARLY": "provisional"}


@contextmanager
def reading(files: list[str], *, quiet: bool) -> Iterator[None]:
    """While entered, a bar on standard error shows how much of the files has been read (on a terminal only)."""
    total = sum(Path(file).stat().st_size for file in files if Path(file).is_file())
    with _bar(bars.DownloadColumn(), quiet=quiet) as progress:
        task = progress.add_task("reading", total=total)

        def advance(count: int) -> None:
            progress.advance(task, count)
            if progress.tasks[task].finished:
                progress.update(task, description="settling")

        with listening(advance):
            yield


@contextmanager
def counting(what: str, *, quiet: bool) -> Iterator[Callable[[int, int], None]]:
    """While entered, a bar shows how many of ``what`` are done; yields what to call with (done, total)."""
    with _bar(bars.MofNCompleteColumn(), quiet=quiet) as progress:
        task = progress.add_task(what)
        yield lambda done, total: progress.update(task, completed=done, total=total)


def _bar(done: bars.ProgressColumn, *, quiet: bool) -> bars.Progress:
    console = _errors()
    columns = (bars.TextColumn("{task.description}"), bars.BarColumn(), done, bars.TimeElapsedColumn())
    return bars.Progress(*columns, console=console, transient=True, disable=quiet or not console.is_terminal)


def show_traffic(summary: "TrafficSummary") -> None:
    """What was generated."""
    _show(f"{summary.out}: {summary.lines:,} records, {summary.users:,} users")
    rows = [("events", summary.events), ("duplicates", summary.duplicates), ("malformed", summary.malformed)]
    _show_counts(rows)
    _show("events by name", style="dim")
    _show_counts(sorted(summary.names.items()), style="dim")


def show_replay(summary: "ReplaySummary", to: "Topic") -> None:
    """What was sent, and into how many partitions where the topic has any."""
    partitions = f", {summary.partitions} partitions" if to.has_partitions else ""
    _show(f"{summary.to}: {summary.events:,} records of a log in {summary.records:,}{partitions}")
    _show_counts([(f"records that are no event, from {summary.files} files", summary.malformed)])
    _show(f"done in {summary.seconds:.1f} s")


def show_heartbeats(summary: "HeartbeatSummary", to: "Topic") -> None:
    """What was sent, and into how many partitions where the topic has any."""
    each = f" into each of {summary.partitions} partitions" if to.has_partitions else ""
    _show(f"{summary.to}: {summary.beats:,} heartbeats{each}")


def show_tail(summary: "TailSummary") -> None:
    """What was read, on standard error: standard output has the messages."""
    counts = [f"{summary.changes:,} changes", f"{summary.dead_letters:,} dead letters"]
    if summary.audit_records:
        counts.append(f"{summary.audit_records:,} audit records")
    _errors().print(", ".join([*counts, f"{summary.undecodable:,} undecodable"]), highlight=False, soft_wrap=True)


def show_summary(summary: "Summary", options: RunOptions) -> None:
    """Segment sizes, cut points, and where the records went."""
    _show(f"segments at the end, of {summary.users:,} user{'' if summary.users == 1 else 's'}", style="bold")
    width = max(map(len, summary.segments), default=0)
    for name, members in summary.segments.items():
        share = f"{members / summary.users:>7.1%}" if summary.users else ""
        _show(f"  {name:<{width}} {members:>12,} {share}")
    for cut, score in summary.cut_scores.items():
        feature, _, threshold = cut.partition(">=")
        _show(f"  percentile({feature}) >= {threshold} takes {score:,}", style="dim")
    _show(f"{summary.read:,} records read", style="bold")
    rows = [("accepted", summary.accepted), ("duplicate", summary.duplicate)]
    rows += [(f"dropped: {reason}", count) for reason, count in summary.dropped.items()]
    rows += [(f"dead letter: {reason}", count) for reason, count in summary.dead_letter.items()]
    _show_counts(rows)
    _show(f"{sum(summary.changes.values()):,} changes in {options.changes.url}", style="bold")
    _show_counts([(_STAGES.get(stage, stage), count) for stage, count in summary.changes.items()])
    if summary.dead_letter:
        _show(f"dead letters in {options.dead_letters.url}", style="yellow")
    if options.profiles is not None:
        _show(f"profiles in {options.profiles.url}")
    _show(f"done in {summary.seconds:.1f} s")


def warn_of_demo_keys() -> None:
    """Says on standard error that pseudonyms do not protect the users."""
    _errors().print(
        "WARNING: no keys are set, so pseudonyms were made with the published demo keys and protect nobody.\n"
        "Set SEGMENTS_STATE_KEY and SEGMENTS_PSEUDONYM_KEY for real data.",
        style="bold yellow",
        highlight=False,
        soft_wrap=True,
    )


def _errors() -> Console:
    return Console(stderr=True)


def _show(line: str, style: str | None = None) -> None:
    # Lines stay whole, so that a narrow terminal or a pipe never cuts a path or a number.
    Console().print(line, style=style, highlight=False, markup=False, soft_wrap=True)


def _show_counts(rows: Sequence[tuple[str, int]], style: str | None = None) -> None:
    width = max((len(f"{count:,}") for _, count in rows), default=0)
    for name, count in rows:
        _show(f"  {count:>{width},} {name}", style=style)
