"""What a live run has to have put out: the settled changes of the bounded run and of the oracle, and nothing else."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tests.acceptance.comparing import Settled, assert_equals_oracle, of_file, oracle_for
from tests.acceptance.driving import NOW
from tests.acceptance.running import run
from tests.flink.logs import Log, malformed
from tests.flink.reading import Read
from tests.flink.topics import Topics, records_in


def expected_of(rules: Path, log: Log) -> list[Settled]:
    """The settled changes of the bounded run over the log, after they were found equal to the oracle's."""
    out = log.path.with_suffix(".bounded.jsonl")
    run(rules, log.path, out)
    changes = of_file(out)
    oracle = oracle_for(rules)
    oracle.load_events(log.path, now=NOW)
    assert_equals_oracle(changes, oracle)
    return changes


def settled_of(changes: Iterable[Read]) -> list[Settled]:
    """Settled changes in the order in which each came first, repeats dropped by their ids."""
    first: dict[str, Settled] = {}
    for read in changes:
        if read.change["stage"] != "EARLY":
            settled = _settled(read.change)
            known = first.setdefault(settled.change_id, settled)
            assert known == settled, f"one id, two changes: {known} and {settled}"
    return list(first.values())


def assert_exact(changes: list[Read], expected: Iterable[Settled]) -> None:
    """Nothing lost, nothing invented, and every subject's changes in their order."""
    found, wanted = settled_of(changes), set(expected)
    missing, extra = sorted(wanted - {*found}, key=_when), sorted({*found} - wanted, key=_when)
    counts = f"{len(missing)} missing, {len(extra)} extra of {len(wanted)}"
    assert not [*missing, *extra], f"{counts}; missing {missing[:5]}\nextra {extra[:5]}"
    _assert_sequences(found)
    for read in changes:
        assert read.key.decode() == read.change["subject_id"]
        assert read.timestamp == read.change["effective_at"] // 1000


def assert_early_resolved(changes: list[Read]) -> int:
    """Every early change is confirmed or taken back by what follows it; returns how many there were.

    For runs without a crash: after one, batches may be cut in another way, and early changes of the lost attempt are
    not repeated. The log is over, so no tick is left to decide on any.
    """
    claims: dict[tuple[str, str], str] = {}
    claimed: set[tuple[str, str]] = set()
    number = 0
    for change in (read.change for read in changes):
        about, action = (change["subject_id"], change["segment"]), change["action"]
        claim = claims.pop(about, None)
        if action == "RETRACTED":
            # A claim on a tick may be taken back although an earlier tick confirmed it in between.
            assert about in claimed, f"took back what nothing claimed: {change}"
        elif change["stage"] == "EARLY":
            assert claim is None, f"{claim} was claimed before: {change}"
            claims[about] = action
            claimed.add(about)
            number += 1
        else:
            assert claim in (None, action), f"{claim} was claimed before: {change}"
    assert not claims, f"{len(claims)} early changes are still open, such as {next(iter(claims.items()))}"
    return number


def assert_all_told(topics: Topics, log: Log) -> None:
    """Every line that is no event, and nothing else, is among the dead letters. For runs without a crash."""
    assert records_in(topics.servers, topics.dead_letters) == malformed(log)


def _assert_sequences(settled: Iterable[Settled]) -> None:
    last: dict[str, int] = {}
    for change in settled:
        before = last.get(change.subject_id, 0)
        assert change.sequence == before + 1, f"after sequence {before}: {change}"
        last[change.subject_id] = change.sequence


def _settled(change: dict[str, Any]) -> Settled:
    known = {**change, "memberships": tuple(change["memberships"])}
    return Settled(**{name: known[name] for name in Settled._fields})


def _when(change: Settled) -> tuple[int, str, int]:
    return change.effective_at, change.subject_id, change.sequence
