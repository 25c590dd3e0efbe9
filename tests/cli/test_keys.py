"""Keys: where they come from, what is wrong with them, and that no user id gets past them."""

import base64
import sqlite3
from pathlib import Path

import pytest

from tests.cli.commands import EVENTS, event, lines, run, run_lines, write
from transforms.keys.sources import PUBLISH_KEY, STATE_KEY

KEY = base64.b64encode(b"sixteen bytes it is").decode()
OTHER = base64.b64encode(b"another key of some bytes").decode()
USER = "ann.raw.id@example.org"


def _set(monkeypatch: pytest.MonkeyPatch, state: str | None, publish: str | None) -> None:
    for name, value in ((STATE_KEY, state), (PUBLISH_KEY, publish)):
        if value is not None:
            monkeypatch.setenv(name, value)


def test_without_keys_there_is_a_warning(tmp_path: Path) -> None:
    assert "protect nobody" in run_lines(tmp_path, lines(EVENTS)).outcome.err


def test_with_keys_there_is_no_warning_and_subjects_differ(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    demo = run_lines(tmp_path / "demo", lines(EVENTS))
    _set(monkeypatch, KEY, OTHER)
    real = run_lines(tmp_path / "real", lines(EVENTS))
    assert real.outcome.err == ""
    subjects = [{change["subject_id"] for change in done.changes} for done in (demo, real)]
    assert not subjects[0] & subjects[1]
    assert all(subject.startswith("s1.") for subject in subjects[1])
    assert len(real.changes) == len(demo.changes)


def test_another_publish_key_gives_other_subjects(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _set(monkeypatch, KEY, OTHER)
    first = run_lines(tmp_path / "first", lines(EVENTS))
    _set(monkeypatch, KEY, KEY)
    second = run_lines(tmp_path / "second", lines(EVENTS))
    assert not {c["subject_id"] for c in first.changes} & {c["subject_id"] for c in second.changes}


def test_keys_from_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _set(monkeypatch, KEY, OTHER)
    direct = run_lines(tmp_path / "direct", lines(EVENTS))
    for name, value in ((STATE_KEY, KEY), (PUBLISH_KEY, OTHER)):
        monkeypatch.delenv(name)
        monkeypatch.setenv(f"{name}_FILE", str(write(tmp_path / name, value + "\n")))
    assert run_lines(tmp_path / "files", lines(EVENTS)).changes == direct.changes


@pytest.mark.parametrize(
    ("state", "publish", "said"),
    [
        (KEY, None, f"{PUBLISH_KEY} is not set"),
        (None, KEY, f"{STATE_KEY} is not set"),
        ("?", KEY, f"{STATE_KEY} is not base64"),
        (KEY, base64.b64encode(b"short").decode(), f"{PUBLISH_KEY} holds 5 bytes"),
    ],
    ids=["no_publish_key", "no_state_key", "no_base64", "too_short"],
)
def test_bad_keys_are_found_before_anything_runs(
    state: str | None, publish: str | None, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _set(monkeypatch, state, publish)
    done = run(tmp_path, write(tmp_path / "events.jsonl", lines(EVENTS)))
    assert done.outcome.code == 2
    assert said in done.outcome.err
    assert not (tmp_path / "changes.jsonl").exists()


def test_raw_user_ids_appear_nowhere(tmp_path: Path) -> None:
    database = tmp_path / "profiles.db"
    events = [event(1, USER, "signup", 0.5, channel="ads"), event(2, USER, hours=1), event(3, USER, hours=1.2)]
    options = ["--profiles", f"sqlite:///{database}", "--emit", "early", "--verbose"]
    done = run_lines(tmp_path, lines(events), *options)
    assert len(done.changes) > 2
    with sqlite3.connect(database) as store:
        store.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    written = [path for path in tmp_path.iterdir() if path.name not in ("events.jsonl", "rules.yaml")]
    assert {path.name for path in written} >= {"changes.jsonl", "summary.json", "profiles.db"}
    for path in written:
        assert USER.encode() not in path.read_bytes(), path.name
    assert USER not in done.outcome.out + done.outcome.err
