"""The naive Beam pipeline, a sliding window and a sum per user, finds the same top fifth at the end of every window."""

from collections import defaultdict
from pathlib import Path

from pipeline.traffic.options import TrafficOptions
from pipeline.traffic.simulation import generate
from segmentation.rules.file import load_rules
from segmentation.units import DAY, HOUR
from tests.acceptance.comparing import oracle_for
from tests.acceptance.driving import decoded, settle
from tests.bench.naive_beam import WEIGHTS, naive_memberships

TOP_FIFTH = Path(__file__).parent / "rules" / "top_fifth.yaml"


def test_same_top_fifth_in_every_window(tmp_path: Path) -> None:
    log = tmp_path / "events.jsonl"
    generate(TrafficOptions(users=120, days=3, seed=21), str(log))
    rules = load_rules(str(TOP_FIFTH))
    events = decoded(log, rules)
    columns = events.select("user_id", "occurred_at", "name").iter_rows()
    weighted = [(user, at, WEIGHTS.get(name, 0)) for user, at, name in columns]
    naive = naive_memberships(weighted, 2 * DAY, HOUR, 80)

    last = max(at for _, at, _ in weighted) // HOUR * HOUR + HOUR
    members: dict[int, set[str]] = defaultdict(set)
    since: dict[str, int] = {}
    for row in settle(rules, events, shards=3).sort("effective_at").iter_rows(named=True):
        if row["action"] == "ENTERED":
            since[row["subject_id"]] = row["effective_at"]
        else:
            for tick in range(since.pop(row["subject_id"]), row["effective_at"], HOUR):
                members[tick].add(row["subject_id"])
    for subject, entered in since.items():
        for tick in range(entered, last + HOUR, HOUR):
            members[tick].add(subject)

    pseudonym = oracle_for(TOP_FIFTH).subject_id
    assert dict(members) == {end: set(map(pseudonym, users)) for end, users in naive.items() if end <= last}
    assert len(members) > 50
    assert len({frozenset(each) for each in members.values()}) > 20
