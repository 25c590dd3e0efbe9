"""`segments run --runner dataflow`: a dry run is the whole way to a job, without the network."""

import socket
from typing import Any, NoReturn

import pytest
from apache_beam.options.pipeline_options import GoogleCloudOptions, StandardOptions

from pipeline.inputs import load_inputs
from pipeline.options.errors import OptionError
from pipeline.options.run_options import RunOptions
from pipeline.runners.dataflow import job
from pipeline.runners.dataflow.job import GraphError, draft
from tests.cli.commands import segments
from tests.dataflow.graphs import CHANGES, EVENTS, drafted, run_options
from tests.dataflow.launching import REQUIRED, ROOT, SECRETS

COMMAND = (
    "run", "--rules", str(ROOT / "examples" / "rules.yaml"), "--events", EVENTS, "--changes", CHANGES,
    "--runner", "dataflow", "--dry-run",
)  # fmt: skip
KEYS = tuple(word for option, name in SECRETS.items() for word in (f"--{option.replace('_', '-')}", name))


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever asks for an address on the way has failed."""

    def refuse(*address: Any) -> NoReturn:
        pytest.fail(f"asked for {address}")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)


def test_dry_run_checks_the_graph_and_shows_every_option_with_its_reason() -> None:
    outcome = segments(*COMMAND, *KEYS, *REQUIRED)
    assert outcome.code == 0, outcome.err
    assert "ready to run on Dataflow in project a-project, region europe-west1, job segments" in outcome.out
    assert "2 of them with state; nothing in it that Dataflow can't run" in outcome.out
    assert "--no_use_public_ips" in outcome.out
    assert "from the command line" in outcome.out


def test_job_is_a_streaming_one_by_its_permanent_name() -> None:
    made = drafted()
    assert made.job.proto.name == "segments"
    assert made.job.proto.type_.name == "JOB_TYPE_STREAMING"
    assert made.job.options.view_as(StandardOptions).streaming
    assert "enable_streaming_engine" in made.job.options.get_all_options()["experiments"]
    assert made.job.options.view_as(GoogleCloudOptions).temp_location.startswith("gs://a-bucket/tmp/segments.")


def test_graph_has_the_names_of_secrets_and_no_user_and_no_key() -> None:
    serialized = drafted().graph.SerializeToString()
    assert b"segments-demo" not in serialized


def test_dry_run_of_an_update_asks_nobody_and_says_so() -> None:
    outcome = segments(*COMMAND, *KEYS, *REQUIRED, "--update")
    assert outcome.code == 0, outcome.err
    assert "the running job that --update names was not asked" in outcome.out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((*KEYS, *REQUIRED[1:]), "--region: missing"),
        (REQUIRED, "--state-key-secret: missing; Dataflow"),
        ((*KEYS, *REQUIRED, "--summary", "s.json"), "--summary: the numbers are known when the job has ended"),
        (
            (*KEYS, *REQUIRED, "--audit", "kafka://127.0.0.1:9092/audit"),
            "--audit: on Dataflow a run writes to pubsub://",
        ),
        ((*KEYS, *REQUIRED, "--detach"), "--detach are for --runner flink"),
    ],
)
def test_what_is_missing_is_said(arguments: tuple[str, ...], said: str) -> None:
    outcome = segments(*COMMAND, *arguments)
    assert outcome.code == 2
    assert said in outcome.err


def test_files_are_not_read_on_dataflow() -> None:
    with pytest.raises(OptionError, match="DataflowRunner does not read files"):
        run_options(events="events.jsonl")


def test_graph_that_dataflow_can_not_run_is_an_error_with_all_its_problems(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(job, "problems", lambda _: ["this", "that"])
    options: RunOptions = run_options()
    with pytest.raises(GraphError, match="can't run this graph:\n  this\n  that"):
        draft(options, load_inputs(options))
