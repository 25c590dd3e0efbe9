"""What a run writes: the summary, the profile store, the formats, and the ends of time."""

import json
import sqlite3
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from schemas.containers import read_container
from tests.cli.commands import EVENTS, START, Run, event, lines, run, run_lines, segments, write

SUMMARY_KEYS = [
    "read",
    "accepted",
    "duplicate",
    "dropped",
    "dead_letter",
    "changes",
    "users",
    "segments",
    "seconds",
    "late",
    "cut_scores",
]


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return run_lines(tmp_path_factory.mktemp("plain"), lines(EVENTS))


def test_summary_has_all_of_its_keys(plain: Run) -> None:
    assert list(plain.summary) == SUMMARY_KEYS
    assert plain.summary["users"] == 2
    assert plain.summary["changes"] == {"ON_TIME": len(plain.changes)}


def test_cut_score_is_the_least_that_reaches_the_percentile(tmp_path: Path) -> None:
    done = run_lines(tmp_path, lines([*EVENTS, event(6, "bob", hours=2), event(7, "bob", hours=2.1)]))
    assert done.summary["cut_scores"] == {"views>=50": 4}


def test_summary_without_events_has_all_of_its_keys(tmp_path: Path) -> None:
    done = run_lines(tmp_path, b"")
    assert list(done.summary) == SUMMARY_KEYS
    assert set(done.summary["segments"]) == {"active", "top", "from_ads", "gone"}


def test_report_says_where_every_record_went(tmp_path: Path) -> None:
    done = run_lines(tmp_path, lines([*EVENTS, EVENTS[0]]) + b"{}\n")
    shown = " ".join(done.outcome.out.split())
    assert "7 records read 5 accepted 1 duplicate 1 dead letter: missing_field" in shown
    assert f"{len(done.changes)} changes in {done.folder / 'changes.jsonl'}" in shown
    assert f"dead letters in {done.folder / 'changes.dead-letters.jsonl'}" in shown


def test_quiet_says_nothing_but_warnings(tmp_path: Path) -> None:
    done = run_lines(tmp_path, lines(EVENTS), "--quiet")
    assert done.outcome.out == ""
    assert done.outcome.err.startswith("WARNING: no keys are set")


@pytest.mark.parametrize("emit", ["settled", "early"])
def test_nothing_in_a_file_is_late_so_its_audit_is_empty(emit: str, tmp_path: Path) -> None:
    for ending in ("jsonl", "avro"):
        audit = tmp_path / f"audit.{ending}"
        done = run_lines(tmp_path, lines([*EVENTS[3:], *EVENTS[:3]]), "--audit", audit, "--emit", emit)
        assert done.summary["late"] == 0
    assert (tmp_path / "audit.jsonl").read_bytes() == b""
    with (tmp_path / "audit.avro").open("rb") as stream:
        assert list(read_container(stream, "audit_record")) == []


def _members(changes: Iterable[dict[str, Any]]) -> dict[str, set[str]]:
    """The memberships that a reader of the settled changes ends up with."""
    members: dict[str, set[str]] = {}
    for change in changes:
        held = members.setdefault(change["subject_id"], set())
        (held.add if change["action"] == "ENTERED" else held.discard)(change["segment"])
        assert sorted(held) == change["memberships"]
    return members


def test_profiles_are_the_changes_replayed(tmp_path: Path) -> None:
    database = tmp_path / "profiles.db"
    done = run_lines(tmp_path, lines(EVENTS), "--profiles", f"sqlite:///{database}")
    with sqlite3.connect(database) as store:
        profiles = store.execute("SELECT subject_id, memberships, sequence FROM profiles").fetchall()
        current = store.execute("SELECT subject_id, segment FROM memberships").fetchall()
        history = store.execute("SELECT change_id FROM membership_history").fetchall()
    members = _members(done.changes)
    assert {subject: set(json.loads(names)) for subject, names, _ in profiles} == members
    assert set(current) == {(subject, name) for subject, names in members.items() for name in names}
    assert {change_id for (change_id,) in history} == {change["change_id"] for change in done.changes}
    assert {subject: number for subject, _, number in profiles} == {
        c["subject_id"]: c["sequence"] for c in done.changes
    }
    sizes = {name: sum(name in held for held in members.values()) for name in done.summary["segments"]}
    assert sizes == done.summary["segments"]


def test_profiles_twice_is_profiles_once(tmp_path: Path) -> None:
    database = tmp_path / "profiles.db"
    contents = []
    for _ in range(2):
        run_lines(tmp_path, lines(EVENTS), "--profiles", f"sqlite:///{database}")
        with sqlite3.connect(database) as store:
            columns = "change_id, subject_id, segment, action, effective_at, sequence, memberships"
            history = store.execute(f"SELECT {columns} FROM membership_history ORDER BY change_id").fetchall()
            contents.append((history, store.execute("SELECT * FROM memberships ORDER BY 1, 2").fetchall()))
    assert contents[0] == contents[1]


def test_avro_out_equals_json_out(plain: Run, tmp_path: Path) -> None:
    log = write(tmp_path / "events.jsonl", lines(EVENTS))
    rules = plain.folder / "rules.yaml"
    out = tmp_path / "changes.avro"
    assert segments("run", "--rules", rules, "--events", log, "--changes", out).code == 0
    with out.open("rb") as stream:
        records = [record for block in read_container(stream, "segment_change") for record in block]
    assert {record["change_id"] for record in records} == {change["change_id"] for change in plain.changes}
    assert [len(record["evidence"]) for record in sorted(records, key=_by_id)] == [
        len(change["evidence"]) for change in sorted(plain.changes, key=_by_id)
    ]


def _by_id(record: Any) -> str:
    return str(record["change_id"])


def test_gzip_out_equals_plain_out(plain: Run, tmp_path: Path) -> None:
    import gzip

    out = tmp_path / "changes.jsonl.gz"
    log = write(tmp_path / "events.jsonl", lines(EVENTS))
    assert segments("run", "--rules", plain.folder / "rules.yaml", "--events", log, "--changes", out).code == 0
    records = [json.loads(line) for line in gzip.decompress(out.read_bytes()).splitlines()]
    assert {record["change_id"] for record in records} == {change["change_id"] for change in plain.changes}


def test_until_ends_before_later_events(plain: Run, tmp_path: Path) -> None:
    done = run_lines(tmp_path, lines(EVENTS), "--until", "2026-01-01T03:30:00Z")
    assert done.changes == [
        change for change in plain.changes if change["effective_at"] <= "2026-01-01T03:00:00.000000Z"
    ]
    assert done.counts[:2] == (5, 5)


def test_until_after_the_log_lets_time_pass(plain: Run, tmp_path: Path) -> None:
    done = run_lines(tmp_path, lines(EVENTS), "--until", "2026-01-03T00:00:00Z")
    assert [change for change in done.changes if change["effective_at"] <= plain.changes[-1]["effective_at"]]
    assert plain.summary["segments"]["gone"] == 1
    assert done.summary["segments"] == {"active": 0, "top": 0, "from_ads": 1, "gone": 2}
    assert {change["change_id"] for change in plain.changes} <= {change["change_id"] for change in done.changes}


def test_early_adds_provisional_changes_and_changes_nothing_settled(plain: Run, tmp_path: Path) -> None:
    done = run_lines(tmp_path, lines(EVENTS), "--emit", "early")
    assert [change for change in done.changes if change["stage"] != "EARLY"] == plain.changes
    assert done.summary["changes"]["EARLY"] == len(done.changes) - len(plain.changes) > 0


def test_shards_change_nothing(plain: Run, tmp_path: Path) -> None:
    assert run_lines(tmp_path, lines(EVENTS), "--shards", "1").changes == plain.changes


def test_changes_carry_what_the_definitions_say(plain: Run) -> None:
    import hashlib

    for change in plain.changes:
        hours = (int(change["effective_at"][11:13]) + 24 * (int(change["effective_at"][8:10]) - 1)) * 3_600_000_000
        text = f"{change['subject_id']}|{change['segment']}|{change['action']}|{START + hours}"
        assert change["change_id"] == hashlib.sha256(text.encode()).hexdigest()[:32]
        assert change["rules_version"] == 3
        assert change["evidence"]
    causes = {(change["segment"], change["action"]): change["cause"] for change in plain.changes}
    assert causes["from_ads", "ENTERED"] == "event"
    assert causes["gone", "ENTERED"] == "time"


def test_an_older_output_is_replaced_only_by_a_whole_one(tmp_path: Path) -> None:
    write(tmp_path / "changes.jsonl", "what stood here before\n")
    refused = run(tmp_path, tmp_path / "missing.jsonl")
    assert refused.outcome.code == 2
    assert (tmp_path / "changes.jsonl").read_text() == "what stood here before\n"
    done = run_lines(tmp_path, lines(EVENTS))
    assert len(done.changes) > 0
    assert not [path.name for path in tmp_path.iterdir() if path.name.endswith(".part")]


def test_outputs_in_folders_that_are_not_there_yet(tmp_path: Path) -> None:
    new = tmp_path / "new"
    outputs = [
        "--summary",
        new / "a" / "s.json",
        "--profiles",
        f"sqlite:///{new}/b/p.db",
        "--dead-letters",
        new / "d.avro",
    ]
    run_lines(tmp_path, lines(EVENTS), *outputs)
    assert sorted(path.name for path in new.rglob("*") if path.is_file()) == ["d.avro", "p.db", "s.json"]
