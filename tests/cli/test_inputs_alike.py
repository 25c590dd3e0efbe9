"""The same events are the same, however they come."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.commands import EVENTS, Run, lines, run, run_lines, segments, write

GOOD = lines(EVENTS)


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return run_lines(tmp_path_factory.mktemp("plain"), GOOD)


def test_gzip(plain: Run, tmp_path: Path) -> None:
    assert run(tmp_path, write(tmp_path / "e.jsonl.gz", gzip.compress(GOOD))).changes == plain.changes


def test_byte_order_mark_and_line_ends_of_windows(plain: Run, tmp_path: Path) -> None:
    content = b"\xef\xbb\xbf" + GOOD.replace(b"\n", b"\r\n").rstrip()
    assert run_lines(tmp_path, content).changes == plain.changes


def _split(folder: Path) -> None:
    parts = GOOD.splitlines(keepends=True)
    write(folder / "b.jsonl", b"".join(parts[:2]))
    write(folder / "deep" / "a.jsonl.gz", gzip.compress(b"".join(parts[2:])))
    write(folder / "_SUCCESS", b"")
    write(folder / ".hidden.jsonl", b"broken")


def test_folder(plain: Run, tmp_path: Path) -> None:
    _split(tmp_path / "logs")
    assert run(tmp_path / "out", tmp_path / "logs").changes == plain.changes


def test_glob(plain: Run, tmp_path: Path) -> None:
    _split(tmp_path / "logs")
    assert run(tmp_path / "out", tmp_path / "logs" / "**" / "*.jsonl*").changes == plain.changes


MAPPING = """
format: csv
delimiter: ";"
columns:
  event_id: id
  user_id: who
  name: {column: what, map: {reg: signup, view: page_view}}
  occurred_at: {column: millis, unit: ms}
  properties: [channel]
"""


def test_csv_through_a_mapping(plain: Run, tmp_path: Path) -> None:
    rows = ["id;who;what;millis;channel"]
    for each in EVENTS:
        name = {"signup": "reg", "page_view": "view"}[each["name"]]
        channel = each.get("properties", {}).get("channel", "")
        rows.append(f"{each['event_id']};{each['user_id']};{name};{each['occurred_at'] // 1000};{channel}")
    log = write(tmp_path / "log.txt", "\n".join(rows))
    done = run(tmp_path, log, "--mapping", write(tmp_path / "mapping.yaml", MAPPING))
    assert done.outcome.code == 0, done.outcome.err
    assert done.changes == plain.changes


def test_csv_with_the_names_of_events(plain: Run, tmp_path: Path) -> None:
    rows = ["event_id,user_id,name,occurred_at,channel"]
    for each in EVENTS:
        channel = each.get("properties", {}).get("channel", "")
        rows.append(f"{each['event_id']},{each['user_id']},{each['name']},{each['occurred_at']},{channel}")
    assert run(tmp_path, write(tmp_path / "log.csv", "\n".join(rows))).changes == plain.changes


@pytest.mark.parametrize("ending", ["avro", "csv", "jsonl.gz"])
def test_generated_log_in_every_format(ending: str, tmp_path: Path) -> None:
    def done(form: str) -> list[dict[str, Any]]:
        log = tmp_path / f"log.{form}"
        made = segments("generate", "--users", 40, "--days", 2, "--seed", 5, "--disorder", "5m", "--out", log)
        assert made.code == 0, made.err
        result = run(tmp_path / form, log)
        assert result.outcome.code == 0, result.outcome.err
        assert result.counts[2] == {}
        return result.changes

    changes = done("jsonl")
    assert len(changes) > 20
    assert done(ending) == changes


def test_generate_then_run_with_faults(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    faults = ["--duplicates", "5%", "--malformed", "2%", "--drift", "10%", "--disorder", "1h"]
    made = segments("generate", "--users", 50, "--days", 3, *faults, "--out", log)
    assert made.code == 0, made.err
    done = run(tmp_path, log, rules=Path("examples/rules.yaml").read_text())
    assert done.outcome.code == 0, done.outcome.err
    read, accepted, reasons = done.counts
    assert read == len(log.read_bytes().splitlines())
    assert accepted > 100
    assert reasons
    assert done.summary["duplicate"] > 0
    json.dumps(done.summary)
