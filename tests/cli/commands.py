"""Runs the command line: in this process, where that is enough, and as a process of its own."""

import json
import subprocess
import sys
from base64 import b64decode
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from typer.testing import CliRunner

from pipeline.main import app

HOUR = 3_600_000_000
#: 2026-01-01T00:00:00Z, µs.
START = 1_767_225_600_000_000

RULES = """
version: 3
tick: 1h
population: {minimum: 1}
features:
  views: {kind: rolling_count, window: 1d, every: 1h, event: page_view}
  channel: {kind: attribute, property: channel, keep: first}
  last_seen: {kind: recency}
segments:
  active: {when: views >= 2}
  top: {when: percentile(views) >= 50}
  from_ads: {when: channel = 'ads'}
  gone: {when: hours_since(last_seen) > 6}
"""


@dataclass(frozen=True)
class Outcome:
    """How a command ended, and what it said."""

    code: int
    out: str
    err: str


def segments(*arguments: object) -> Outcome:
    """Runs a command in this process."""
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    return Outcome(result.exit_code, result.stdout, result.stderr)


def command(*arguments: object) -> list[str]:
    """The command as a process of its own."""
    return [sys.executable, "-c", "from pipeline.main import main; main()", *map(str, arguments)]


def wait_for(ready: Callable[[], bool], process: subprocess.Popen[str]) -> None:
    """Returns when ``ready`` says so; fails where the process ends before."""
    while not ready():
        try:
            process.wait(0.02)
        except subprocess.TimeoutExpired:
            continue
        raise AssertionError(f"ended early: {process.communicate()}")


def segments_process(*arguments: object) -> Outcome:
    """Runs a command in a process of its own."""
    return run_process(command(*arguments))


def run_process(arguments: list[str]) -> Outcome:
    """Runs a process to its end."""
    done = subprocess.run(arguments, capture_output=True, text=True, check=False, timeout=120)
    return Outcome(done.returncode, done.stdout, done.stderr)


def event(
    number: int, user: str = "ann", name: str = "page_view", hours: float = 0, **properties: Any
) -> dict[str, Any]:
    """An event so many hours after `START`."""
    fields = {"event_id": f"e{number}", "user_id": user, "name": name, "occurred_at": START + int(hours * HOUR)}
    return fields | ({"properties": properties} if properties else {})


#: Two users over half a day; one comes from ads, one becomes active.
EVENTS = [
    event(1, "ann", "signup", 0.5, channel="ads"),
    event(2, "ann", hours=0.6),
    event(3, "bob", hours=1.2),
    event(4, "bob", hours=1.4, channel="mail"),
    event(5, "ann", hours=9.5),
]


def lines(events: Iterable[Mapping[str, Any]]) -> bytes:
    """Events as JSON lines."""
    return b"".join(json.dumps(each).encode() + b"\n" for each in events)


def write(path: Path, content: bytes | str) -> Path:
    """Writes a file and gives its path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


@dataclass(frozen=True)
class Run:
    """The outcome of ``segments run``, and its files."""

    outcome: Outcome
    folder: Path

    @property
    def changes(self) -> list[dict[str, Any]]:
        """The changes without what differs between runs, in one order."""
        records = [json.loads(line) for line in (self.folder / "changes.jsonl").read_text().splitlines()]
        return sorted(({**record, "emitted_at": None} for record in records), key=_precedence)

    @property
    def summary(self) -> dict[str, Any]:
        """What ``--summary`` wrote."""
        content: dict[str, Any] = json.loads((self.folder / "summary.json").read_text())
        return content

    @property
    def dead_letters(self) -> list[dict[str, Any]]:
        """The dead letters, their payload as bytes."""
        text = (self.folder / "changes.dead-letters.jsonl").read_text()
        return [{**letter, "payload": b64decode(letter["payload"])} for letter in map(json.loads, text.splitlines())]

    @property
    def counts(self) -> tuple[int, int, dict[str, int]]:
        """What was read and accepted, and the dead letters by reason; checks that the counts add up."""
        summary = self.summary
        lost = sum(summary["dropped"].values()) + sum(summary["dead_letter"].values())
        assert summary["read"] == summary["accepted"] + summary["duplicate"] + lost
        assert sum(summary["dead_letter"].values()) == len(self.dead_letters)
        return summary["read"], summary["accepted"], summary["dead_letter"]


def run(folder: Path, events: object, *arguments: object, rules: str = RULES) -> Run:
    """Runs over a log, with the outputs in ``folder``."""
    options = ["--rules", write(folder / "rules.yaml", rules), "--events", events]
    options += ["--changes", folder / "changes.jsonl", "--summary", folder / "summary.json"]
    return Run(segments("run", *options, *arguments), folder)


def run_lines(folder: Path, content: bytes, *arguments: object, rules: str = RULES) -> Run:
    """Runs over a log of these bytes, which has to succeed."""
    done = run(folder, write(folder / "events.jsonl", content), *arguments, rules=rules)
    assert done.outcome.code == 0, done.outcome.err
    return done


def _precedence(record: Mapping[str, Any]) -> tuple[str, int, int]:
    return record["subject_id"], record["sequence"], record["early_index"] or 0
