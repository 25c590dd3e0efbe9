"""What a person at a terminal sees: progress while it lasts, and what came of it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from pipeline.options import RunOptions
from pipeline.progress import Listening
from transforms.keys import uses_demo_keys

if TYPE_CHECKING:
    from pipeline.run import Summary
    from pipeline.traffic import TrafficSummary

_err = Console(stderr=True)


@contextmanager
def reading(files: list[str], *, quiet: bool) -> Iterator[None]:
    """While entered, a bar on standard error shows how much of the files has been read (on a terminal only)."""
    if quiet or not _err.is_terminal:
        yield
        return
    total = sum(Path(file).stat().st_size for file in files if Path(file).is_file())
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeElapsedColumn())
    with Progress(*columns, console=_err, transient=True) as progress:
        task = progress.add_task("reading", total=total)

        def advance(count: int) -> None:
            progress.advance(task, count)
            if progress.tasks[task].finished:
                progress.update(task, description="settling")

        with Listening(advance):
            yield


@contextmanager
def counting(what: str, *, quiet: bool) -> Iterator[Callable[[int, int], None] | None]:
    """While entered, a bar shows how many of ``what`` are done; yields what to call with (done, total)."""
    if quiet or not _err.is_terminal:
        yield None
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=_err, transient=True) as progress:
        task = progress.add_task(what)
        yield lambda done, total: progress.update(task, completed=done, total=total)


def show_traffic(summary: "TrafficSummary") -> None:
    """What was generated."""
    console = Console()
    names = ", ".join(f"{name} {count:,}" for name, count in sorted(summary.names.items()))
    console.print(
        f"{summary.out}: {summary.lines:,} lines = {summary.events:,} events of {summary.users:,} users, "
        f"{summary.duplicates:,} duplicates, {summary.malformed:,} malformed",
        highlight=False,
    )
    console.print(f"  {names}", highlight=False, style="dim")


def show_summary(summary: "Summary", options: RunOptions) -> None:
    """Segment sizes, cut points, and where the records went."""
    console = Console()
    table = Table(title=f"Segments of {summary.users:,} users", title_justify="left")
    table.add_column("segment")
    table.add_column("members", justify="right")
    table.add_column("of all", justify="right")
    for name, members in summary.segments.items():
        table.add_row(name, f"{members:,}", f"{members / summary.users:.1%}" if summary.users else "")
    console.print(table)
    for cut, score in summary.cut_scores.items():
        feature, _, threshold = cut.partition(">=")
        console.print(f"percentile({feature}) >= {threshold} takes a score of {score:,} at the end", highlight=False)
    lost = [f"{count:,} dropped ({reason})" for reason, count in summary.dropped.items()]
    lost += [f"{count:,} dead letters ({reason})" for reason, count in summary.dead_letter.items()]
    console.print(
        f"{summary.read:,} records read = " + " + ".join([f"{summary.accepted:,} accepted", f"{summary.duplicate:,} duplicates", *lost]),
        highlight=False,
    )
    made = ", ".join(f"{count:,} {stage}" for stage, count in summary.changes.items())
    console.print(f"{made or 'no'} changes in {options.changes} ({summary.seconds:.1f} s)", highlight=False)
    if summary.dead_letter:
        console.print(f"dead letters in {options.dead_letters}", highlight=False, style="yellow")
    if uses_demo_keys():
        _err.print(
            "WARNING: pseudonyms were made with the published demo keys and protect nobody; "
            "set SEGMENTS_STATE_KEY and SEGMENTS_PSEUDONYM_KEY for real data",
            style="bold yellow",
        )
