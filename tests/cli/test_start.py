"""What a command imports before it does anything: no engine that it does not need, no clients of Google Cloud."""

import signal
import sys
from pathlib import Path

import pytest

from pipeline.commands.local_start import is_local_run
from tests.cli.commands import EVENTS, RULES, Run, lines, run, run_process, write

#: Runs the command line that it is given and shows which of these modules it has imported.
IMPORTED = """
import sys
from pipeline.main import main
names = sys.argv.pop(1).split(",")
try:
    main()
finally:
    print([name for name in names if name in sys.modules])
"""

#: Runs the command line that it is given, and gets a signal as soon as Beam is imported.
INTERRUPTED = """
import os, sys
from pipeline.main import main
number = int(sys.argv.pop(1))
class Finder:
    def find_spec(self, name, *_):
        if name == "apache_beam":
            os.kill(os.getpid(), number)
sys.meta_path.insert(0, Finder())
main()
"""


def imported(names: str, *arguments: object) -> list[str]:
    done = run_process([sys.executable, "-c", IMPORTED, names, *map(str, arguments)])
    assert done.code == 0, done.err
    return done.out.splitlines()


@pytest.mark.parametrize("command", [["--help"], ["run", "--help"], ["--version"]], ids=" ".join)
def test_help_needs_no_engine(command: list[str]) -> None:
    assert imported("apache_beam,google.protobuf,google.api_core,polars,numpy,sqlglot", *command)[-1] == "[]"


def test_check_needs_neither_beam_nor_google_nor_a_database(tmp_path: Path) -> None:
    rules = write(tmp_path / "rules.yaml", RULES)
    unused = "apache_beam,google.protobuf,google.api_core,sqlalchemy,confluent_kafka"
    assert imported(unused, "check", rules)[-1] == "[]"


def test_local_run_does_without_the_clients_of_google_cloud(tmp_path: Path) -> None:
    """It gives what a run beside these clients gives, which this process has."""
    log = write(tmp_path / "events.jsonl", lines(EVENTS))
    expected = run(tmp_path / "beside", log)
    without = tmp_path / "without"
    places = ["--rules", write(without / "rules.yaml", RULES), "--events", log]
    places += ["--changes", without / "changes.jsonl", "--summary", without / "summary.json"]
    clients = "apitools,google.cloud.storage,google.cloud.bigquery,google.cloud.dataflow,google.cloud.pubsub"
    assert imported(f"apache_beam,{clients}", "run", *places, "--quiet") == ["['apache_beam']"]
    found = Run(expected.outcome, without)
    assert found.changes == expected.changes != []
    assert found.counts == expected.counts


def test_local_run_imports_beam_only_when_it_starts(tmp_path: Path) -> None:
    places = ["--rules", write(tmp_path / "rules.yaml", RULES), "--events", write(tmp_path / "e.jsonl", lines(EVENTS))]
    assert imported("apache_beam", "run", *places, "--changes", tmp_path / "c.jsonl", "--dry-run")[-1] == "[]"


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)], ids=["SIGINT", "SIGTERM"])
def test_signal_while_beam_is_imported(number: signal.Signals, code: int, tmp_path: Path) -> None:
    places = ["--rules", write(tmp_path / "rules.yaml", RULES), "--events", write(tmp_path / "e.jsonl", lines(EVENTS))]
    arguments = ["run", *map(str, places), "--changes", str(tmp_path / "c.jsonl")]
    done = run_process([sys.executable, "-c", INTERRUPTED, str(int(number)), *arguments])
    assert (done.code, done.out, done.err) == (code, "", "interrupted\n")


@pytest.mark.parametrize(
    ("option", "value"),
    [("--rules", "gs://bucket/rules.yaml"), ("--events", "pubsub://project/subscriptions/events"),
     ("--changes", "kafka://host:9092/changes"), ("--runner", "dataflow"), ("--temp_location", "gs://bucket/temp"),
     ("--state-key-secret", "projects/p/secrets/s/versions/1")],
)  # fmt: skip
@pytest.mark.parametrize("joined", [False, True])
def test_run_that_leaves_this_machine_is_not_local(option: str, value: str, joined: bool) -> None:
    local = ["run", "--rules", "rules.yaml", "--events", "log.jsonl", "--changes", "changes.jsonl"]
    assert is_local_run(local)
    assert not is_local_run([*local, *([f"{option}={value}"] if joined else [option, value])])
