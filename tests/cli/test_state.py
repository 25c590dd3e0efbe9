"""``segments state`` and ``segments run --from-state``, as far as no cluster is needed."""

from pathlib import Path

import polars as pl
import pytest
from apache_beam.utils.timestamp import Timestamp

from segmentation.rules.file import parse_rules
from segmentation.units import SECOND
from tests.cli.commands import HOUR, RULES, START, Outcome, segments, write
from tests.transforms.live_shards import LiveShards
from transforms.state.manifest import Manifest
from transforms.state.state_folder import StateFolder
from transforms.state.timing import Timing

TOPICS = ("--events", "kafka://127.0.0.1:1/events", "--changes", "kafka://127.0.0.1:1/changes")


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    return write(tmp_path / "rules.yaml", RULES)


@pytest.fixture
def exported(tmp_path: Path) -> Path:
    """What ``segments state export`` writes of three users and two shards that have settled three ticks."""
    job = LiveShards(parse_rules(RULES, "rules.yaml"), Timing(bounded=False, max_disorder=10 * SECOND), 2)
    events = {"event_id": ["1", "2", "3"], "user_id": ["ann", "bob", "cid"], "name": ["page_view"] * 3}
    job.events(
        pl.DataFrame({**events, "occurred_at": [START, START + HOUR, START + 2 * HOUR], "p:channel": ["ads"] * 3})
    )
    job.watermark(Timestamp(micros=START + 3 * HOUR + 10 * SECOND))
    folder = tmp_path / "out"
    folder.mkdir()
    job.dump(str(folder))
    return folder


def imported(rules: Path, exported: Path, *more: object) -> Outcome:
    places = ("--from", exported, "--to", exported.parent / "in", "--rules", rules)
    return segments("state", "import", *places, *more)


def test_import_writes_a_file_for_each_stage_and_shard(rules: Path, exported: Path) -> None:
    done = imported(rules, exported, "--shards", 3)
    assert done.code == 0, done.err
    folder = exported.parent / "in"
    assert done.out == f"STATE={folder}\n"
    assert "3 users in 3 shards, settled up to 2026-01-01T03:00:00" in done.err
    manifest = Manifest.read(StateFolder(str(folder)), "imported")
    assert sorted(manifest.files) == [
        f"{stage}-0000{shard}.cells" for stage in ("assign", "track") for shard in range(3)
    ]
    assert sorted(path.name for path in folder.iterdir()) == sorted([*manifest.files, "manifest.json"])


def test_dry_run_says_what_would_be_done_and_writes_nothing(rules: Path, exported: Path) -> None:
    done = imported(rules, exported, "--shards", 3, "--dry-run")
    assert (done.code, done.err) == (0, "")
    assert "2 shards, layout" in done.out
    assert "for 3 shards" in done.out
    assert not (exported.parent / "in").exists()


def test_quiet_import_prints_the_folder_alone(rules: Path, exported: Path) -> None:
    done = imported(rules, exported, "--shards", 3, "--quiet")
    assert (done.code, done.out, done.err) == (0, f"STATE={exported.parent / 'in'}\n", "")


@pytest.mark.parametrize(
    ("more", "told"),
    [
        (("--shards", 0), "--shards: expected 1 to 4096, found 0"),
        (("--shards", 2, "--max-disorder", "soon"), "--max-disorder: "),
        (("--shards", 2, "--from", "nowhere"), "nowhere"),
    ],
)
def test_import_that_can_not_be(rules: Path, exported: Path, more: tuple[object, ...], told: str) -> None:
    done = imported(rules, exported, *more)
    assert done.code == 2
    assert told in done.err


def test_rules_with_other_features_are_refused(rules: Path, exported: Path) -> None:
    write(rules, RULES.replace("last_seen", "seen_last"))
    done = imported(rules, exported, "--shards", 2)
    assert done.code == 2
    assert f"{exported}: this job can't go on from its state: feature last_seen" in done.err
    assert not (exported.parent / "in" / "manifest.json").exists()


def test_damaged_file_is_named(rules: Path, exported: Path) -> None:
    file = exported / "track-00001.cells"
    file.write_bytes(file.read_bytes()[:-1])
    done = imported(rules, exported, "--shards", 2)
    assert (done.code, f"{file}: the file is cut off" in done.err) == (2, True)


@pytest.mark.parametrize("command", ["export", "import"])
def test_folder_with_something_in_it_is_left_alone(rules: Path, exported: Path, command: str) -> None:
    options = {"export": ("--savepoint", "s"), "import": ("--from", exported, "--shards", 2, "--rules", rules)}
    done = segments("state", command, *options[command], "--to", exported)
    assert done.code == 2
    assert f"--to: {exported} holds assign-00000.cells already" in done.err


def test_export_without_a_cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEGMENTS_STACK", str(tmp_path))
    monkeypatch.delenv("JOB_ENDPOINT", raising=False)
    done = segments("state", "export", "--savepoint", "s", "--to", tmp_path / "out")
    assert (done.code, "--job_endpoint: " in done.err) == (2, True)


def test_export_with_an_option_that_is_none(tmp_path: Path) -> None:
    done = segments("state", "export", "--savepoint", "s", "--to", tmp_path / "out", "--paralelism", "2")
    assert done.code == 2
    assert "did you mean '--parallelism'?" in done.err


@pytest.mark.parametrize(
    ("more", "told"),
    [
        (("--events", "log.jsonl", "--changes", "out.jsonl"), "--from-state: only live runs"),
        ((*TOPICS, "--shards", 5), "imported for --shards 3, and this job runs with --shards 5"),
    ],
)
def test_run_that_can_not_start_from_state(rules: Path, exported: Path, more: tuple[object, ...], told: str) -> None:
    assert imported(rules, exported, "--shards", 3).code == 0
    done = segments("run", "--rules", rules, *more, "--from-state", exported.parent / "in")
    assert done.code == 2
    assert told in done.err
