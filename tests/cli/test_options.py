"""Options that can't be used: exit code 2, one clear message, and nothing is written."""

from pathlib import Path

import pytest

from tests.cli.commands import EVENTS, RULES, Outcome, lines, run, segments, write


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return write(tmp_path / "in" / "events.jsonl", lines(EVENTS))


def _run(tmp_path: Path, **changed: object) -> Outcome:
    rules = write(tmp_path / "in" / "rules.yaml", RULES)
    options: dict[str, object] = {"rules": rules, "events": tmp_path / "in" / "events.jsonl"}
    options |= {"changes": tmp_path / "out" / "changes.jsonl"} | changed
    arguments = [part for name, value in options.items() for part in (f"--{name}", value)]
    return segments("run", *arguments)


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [
        ("events", "kafka://broker/topic", "--events: expected HOST:PORT such as 127.0.0.1:9092, found 'broker'"),
        ("events", "kafka://broker:9092/events", "--changes: a live run writes to kafka://HOST:PORT/TOPIC or pubsub://"),
        ("events", "kafka://localhost:9092/events?strat=latest", "no parameter 'strat'; did you mean 'start'?"),
        ("events", "pubsub://project/topic", "--events: expected pubsub://PROJECT/subscriptions/NAME"),
        ("events", "pubsub://project/topics/events", "is a topic; a run reads a subscription to it: pubsub://project/su"),
        ("events", "pubsub://project/subscriptions/events", "--changes: a live run writes to kafka://HOST:PORT"),
        ("changes", "pubsub://project/subscriptions/some", "--changes: a subscription can't be written to"),
        ("changes", "gs://bucket/changes.jsonl", "--changes: gs:// is not available yet"),
        ("dead-letters", "pubsub://project/topics/some?hold=5s", "--dead-letters: hold is for reading"),
        ("dead-letters", "kafka://broker:1/topic?group=g", "--dead-letters: group is for reading"),
        ("audit", "kafka://broker:1/topic?group=g", "--audit: group is for reading"),
        ("audit", "kafka://broker:1/topic", "SEGMENTS_STATE_KEY is not set"),
        ("audit", "pubsub://project/topics/audit", "SEGMENTS_STATE_KEY is not set"),
        ("audit", "audit.csv", "--audit: audit.csv has no known ending"),
        ("audit", "", "--audit: expected the path of a file"),
        ("summary", "kafka://broker:1/topic", "--summary: can't be a topic; give the path of a file"),
        ("mapping", "pubsub://project/topics/mapping", "--mapping: can't be a topic; give the path of a file"),
        ("profiles", "postgresql://host/db", "--profiles: postgresql:// is not available yet"),
        ("profiles", "redis://host", "--profiles: redis:// is not available yet"),
        ("profiles", "profiles.db", "--profiles: expected a URL such as sqlite:///"),
        ("profiles", "sqlite://", "--profiles: the URL names no file"),
        ("emit", "sometimes", "--emit: expected early or settled, found 'sometimes'"),
        ("until", "tomorrow", "--until: "),
        ("until", "2026-01-01T00:00:00", "names no time zone"),
        ("max-disorder", "10", "--max-disorder: '10' is not a duration"),
        ("max-disorder", "10us", "--max-disorder: expected whole milliseconds"),
        ("shards", "0", "--shards: expected 1 to 4096, found 0"),
        ("shards", "many", "--shards"),
        ("runner", "PrismRuner", "did you mean 'PrismRunner'?"),
        ("runner", "SparkRunner", "--runner: SparkRunner is not available yet"),
        ("runner", "flink", "--runner: FlinkRunner does not read files, FnApiRunner and PrismRunner do; `segments"),
        ("from-savepoint", "/somewhere", "--from-savepoint and --detach are for --runner flink"),
        ("changes", "changes.txt", "--changes: changes.txt has no known ending"),
        ("dead-letters", "letters.csv", "--dead-letters: letters.csv has no known ending"),
        ("changes", "", "--changes: expected the path of a file"),
        ("mapping", "missing.yaml", "missing.yaml:1:1: cannot be read"),
        ("rules", "missing.yaml", "missing.yaml:1:1: cannot be read"),
        ("events", "missing.jsonl", "missing.jsonl: no such file or directory"),
        ("shard", "3", "--shard: there is no such option here or in Beam; did you mean '--shards'?"),
        ("dead-letter", "x.jsonl", "did you mean '--dead-letters'?"),
        ("direct_num_workers", "many", "--direct_num_workers: invalid int value"),
        ("direct_running_mode", "multi_processing", "--direct_running_mode: multi_processing can't write local files"),
    ],
)  # fmt: skip
def test_value_that_cannot_be_used(option: str, value: str, said: str, log: Path, tmp_path: Path) -> None:
    outcome = _run(tmp_path, **{option: value})
    assert said in " ".join(outcome.err.split())
    assert (outcome.code, outcome.out) == (2, "")
    assert "Traceback" not in outcome.err
    assert not (tmp_path / "out").exists()


def test_typing_error_with_equals_sign(log: Path, tmp_path: Path) -> None:
    done = run(tmp_path / "out", log, "--shard=3")
    assert done.outcome.code == 2
    assert "did you mean '--shards'?" in done.outcome.err


def test_stray_argument(log: Path, tmp_path: Path) -> None:
    done = run(tmp_path / "out", log, "more.jsonl")
    assert (done.outcome.code, done.outcome.err) == (
        2,
        "unexpected argument 'more.jsonl'; every value belongs to an option\n",
    )


def test_options_of_beam_are_taken(log: Path, tmp_path: Path) -> None:
    assert run(tmp_path / "out", log, "--job_name=segments", "--dry-run").outcome.code == 0


def test_required_option_missing(tmp_path: Path) -> None:
    outcome = segments("run", "--rules", "rules.yaml")
    assert outcome.code == 2
    assert "Missing option" in outcome.err


def test_folder_without_files(tmp_path: Path, log: Path) -> None:
    (tmp_path / "empty").mkdir()
    outcome = _run(tmp_path, events=tmp_path / "empty")
    assert (outcome.code, outcome.err) == (2, f"{tmp_path / 'empty'}: the directory holds no files\n")


def test_glob_without_match(tmp_path: Path, log: Path) -> None:
    outcome = _run(tmp_path, events=tmp_path / "*.nothing")
    assert (outcome.code, outcome.err) == (2, f"{tmp_path / '*.nothing'}: no file matches\n")


@pytest.mark.parametrize("option", ["changes", "dead-letters", "audit", "summary"])
def test_output_that_is_the_input(option: str, log: Path, tmp_path: Path) -> None:
    before = log.read_bytes()
    (tmp_path / "link.jsonl").symlink_to(log)
    for path in (log, tmp_path / "link.jsonl"):
        outcome = _run(tmp_path, **{option: path})
        assert outcome.code == 2
        assert "is read as --events too; give another path" in outcome.err
    assert log.read_bytes() == before


def test_profile_store_that_is_the_input(log: Path, tmp_path: Path) -> None:
    outcome = _run(tmp_path, profiles=f"sqlite:///{log}")
    assert outcome.code == 2
    assert "--profiles: " in outcome.err


def test_two_outputs_in_one_file(log: Path, tmp_path: Path) -> None:
    outcome = _run(tmp_path, **{"dead-letters": tmp_path / "out" / "changes.jsonl"})
    assert outcome.code == 2
    assert "is written as --changes too" in outcome.err


def test_audit_in_the_file_of_the_dead_letters(log: Path, tmp_path: Path) -> None:
    outcome = _run(tmp_path, audit=tmp_path / "out" / "changes.dead-letters.jsonl")
    assert outcome.code == 2
    assert "is written as --dead-letters too" in outcome.err


def test_output_within_the_folder_that_is_read(log: Path, tmp_path: Path) -> None:
    outcome = _run(
        tmp_path, events=log.parent, rules=write(tmp_path / "rules.yaml", RULES), changes=log.parent / "c.jsonl"
    )
    assert outcome.code == 2
    assert "which --events reads whole" in outcome.err


@pytest.mark.parametrize("option", ["changes", "dead-letters", "audit", "summary"])
def test_output_that_is_a_folder(option: str, log: Path, tmp_path: Path) -> None:
    (tmp_path / "folder.jsonl").mkdir()
    outcome = _run(tmp_path, **{option: tmp_path / "folder.jsonl"})
    assert outcome.code == 2
    assert "it exists and is no file" in outcome.err


@pytest.mark.parametrize("option", ["changes", "dead-letters", "audit", "summary", "profiles"])
def test_output_below_a_file(option: str, log: Path, tmp_path: Path) -> None:
    path = f"{log}/changes.jsonl"
    outcome = _run(tmp_path, **{option: f"sqlite:///{path}" if option == "profiles" else path})
    assert outcome.code == 2
    assert f"--{option}: can't write" in outcome.err


def test_store_that_is_no_database(log: Path, tmp_path: Path) -> None:
    other = write(tmp_path / "other.db", b"this is no database, but long enough to be one " * 100)
    outcome = _run(tmp_path, profiles=f"sqlite:///{other}")
    assert outcome.code == 2
    assert outcome.err.startswith("--profiles: ")
    assert not (tmp_path / "out" / "changes.jsonl").exists()


CSV = "src dst time\n1 2 1000\n"
MAPPING = """
format: csv
delimiter: " "
columns: {user_id: source, occurred_at: {column: time, unit: s}, name: {constant: sent}, properties: [dst, weight]}
"""


def test_mapping_column_that_the_header_lacks(tmp_path: Path) -> None:
    log = write(tmp_path / "log.txt", CSV)
    done = run(tmp_path, log, "--mapping", write(tmp_path / "mapping.yaml", MAPPING))
    assert done.outcome.code == 2
    said = f"{log}: the header has no column 'source' (nor weight); {tmp_path / 'mapping.yaml'} names it"
    assert done.outcome.err.startswith(said)


def test_csv_without_a_column_of_events(tmp_path: Path) -> None:
    log = write(tmp_path / "log.csv", "event_id,user,name,occurred_at\n1,ann,x,1\n")
    done = run(tmp_path, log)
    assert (done.outcome.code, done.outcome.err) == (
        2,
        f"{log}: the header has no column 'user_id'; an event needs it; did you mean 'user'?\n",
    )


def test_broken_mapping_names_every_place(tmp_path: Path) -> None:
    mapping = write(tmp_path / "mapping.yaml", "format: xml\ncolumns: {user_id: a, nam: b}\n")
    done = run(tmp_path, write(tmp_path / "log.csv", CSV), "--mapping", mapping)
    assert done.outcome.code == 2
    assert len(done.outcome.err.splitlines()) == 4
    assert f"{mapping}:1:9: unknown format 'xml'; expected csv, json, avro" in done.outcome.err


def test_dry_run_writes_nothing(log: Path, tmp_path: Path) -> None:
    done = run(tmp_path / "out", log, "--dry-run", "--profiles", f"sqlite:///{tmp_path}/new/profiles.db")
    assert (done.outcome.code, done.outcome.out) == (0, "ready to run: 1 file, 4 segments\n")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["rules.yaml"]
    assert not (tmp_path / "new").exists()


TOPIC = "kafka://127.0.0.1:9092"


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [
        ("runner", "PrismRunner", "--runner: PrismRunner does not read kafka://, FlinkRunner does"),
        ("dead-letters", "letters.jsonl", "--dead-letters: a live run writes to kafka://HOST:PORT/TOPIC or pubsub://"),
        ("audit", "audit.jsonl", "--audit: a live run writes to kafka://HOST:PORT/TOPIC or pubsub://"),
        ("audit", f"{TOPIC}/events", f"--audit: {TOPIC}/events is the topic of --events too"),
        ("audit", f"{TOPIC}/changes", f"--audit: {TOPIC}/changes is the topic of --changes too"),
        ("audit", f"{TOPIC}/changes.dead-letters", "changes.dead-letters is the topic of --dead-letters too"),
        ("dead-letters", f"{TOPIC}/events", f"--dead-letters: {TOPIC}/events is the topic of --events too"),
        ("changes", f"{TOPIC}/events", f"--changes: {TOPIC}/events is the topic of --events too"),
        ("profiles", "sqlite:///p.db", "--profiles: sqlite:// is a file of this machine"),
        ("until", "2026-01-01T00:00:00Z", "--until: a live run has no end"),
        ("parallelsim", "2", "--parallelsim: there is no such option here or in Beam; did you mean '--parallelism'?"),
    ],
)  # fmt: skip
def test_value_that_cannot_be_used_live(option: str, value: str, said: str, tmp_path: Path) -> None:
    outcome = _run(tmp_path, **{"events": f"{TOPIC}/events", "changes": f"{TOPIC}/changes", option: value})
    assert said in " ".join(outcome.err.split())
    assert (outcome.code, outcome.out) == (2, "")


def test_keys_are_needed_where_changes_leave_this_machine(tmp_path: Path) -> None:
    outcome = _run(tmp_path, events="kafka://broker:9092/events", changes="kafka://broker:9092/changes")
    assert outcome.code == 2
    assert "SEGMENTS_STATE_KEY is not set" in outcome.err
