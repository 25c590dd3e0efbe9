"""Runs the whole pipeline through its command line, with the keys of these tests."""

import base64
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from typer.testing import CliRunner

from pipeline.main import app
from tests.acceptance.driving import KEYS
from transforms.keys.sources import PUBLISH_KEY, STATE_KEY

ENVIRONMENT = {
    STATE_KEY: base64.b64encode(KEYS.state).decode(),
    PUBLISH_KEY: base64.b64encode(KEYS.publish).decode(),
}


def run(rules: Path, events: Path, changes: Path, *options: str) -> None:
    """``segments run``; raises what the run raised."""
    arguments = ["run", "--rules", str(rules), "--events", str(events), "--changes", str(changes), "--quiet", *options]
    result = CliRunner().invoke(app, arguments, env=ENVIRONMENT)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == 0, result.output


def write_log(path: Path, events: Iterable[Mapping[str, Any]]) -> Path:
    """A JSONL file of events."""
    path.write_text("".join(json.dumps(event) + "\n" for event in events), encoding="utf-8")
    return path
