"""What operators see of a job, and what is behind the options and names it runs by."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest
from apache_beam.portability.api import beam_job_api_pb2, beam_job_api_pb2_grpc

from pipeline.io.kafka.address import KafkaAddress
from pipeline.runners.flink.known_options import FLINK_OPTIONS, Kind
from pipeline.runners.flink.operations import Status, status
from pipeline.runners.flink.rest import FlinkRest
from pipeline.runners.flink.showing import render_status
from tests.flink.cluster import Cluster, poll
from tests.flink.feeding import feed
from tests.flink.jobs import Job, arguments_of, running
from tests.flink.logs import Log, finish, records, simulate
from tests.flink.sockets import listens_on
from tests.flink.topics import Topics
from tests.transforms.permanent_names import committed_names

RULES = Path(__file__).parents[2] / "examples" / "rules.yaml"
USED = 2
PARTS = ("jobmanager", "broker", "jobserver", "expansion", "taskmanager")

Kinds = beam_job_api_pb2.PipelineOptionType


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Log:
    return simulate(tmp_path_factory.mktemp("log") / "events.jsonl", users=100, days=3, seed=6)


@pytest.fixture(scope="module")
def topics(stack: Cluster) -> Topics:
    return Topics.create(stack.kafka, "operations", USED)


@pytest.fixture(scope="module")
def job(stack: Cluster, topics: Topics, log: Log) -> Iterator[Job]:
    """A job that has been given the whole log, and a record that is none."""
    with running(stack, arguments_of(RULES, topics, "--job_name=segments-watched")) as job:
        feed(stack.kafka, topics.events, records(log, USED))
        yield job


@pytest.fixture
def flink(stack: Cluster) -> FlinkRest:
    return FlinkRest(stack.flink)


def test_listed_options_are_those_of_the_job_server(stack: Cluster) -> None:
    with grpc.insecure_channel(stack.job_endpoint) as channel:
        service = beam_job_api_pb2_grpc.JobServiceStub(channel)
        answer = service.DescribePipelineOptions(beam_job_api_pb2.DescribePipelineOptionsRequest(), timeout=30)
    known = {option.name: option for option in answer.options}
    kinds = {name: _kind(known[name]) for name in FLINK_OPTIONS if name in known}
    assert kinds == dict(FLINK_OPTIONS)


def _kind(option: beam_job_api_pb2.PipelineOptionDescriptor) -> Kind:
    if option.type == Kinds.BOOLEAN:
        return Kind.OFF_SWITCH if option.default_value == "true" else Kind.SWITCH
    return Kind.NUMBER if option.type == Kinds.INTEGER else Kind.TEXT


def test_status_tells_what_went_through(job: Job, flink: FlinkRest, topics: Topics, log: Log) -> None:
    events = KafkaAddress.parse(topics.url(topics.events), "--events")

    def caught_up() -> Status | None:
        found = status(flink, job.id, events)
        lag = found.kafka_lag
        read = found.counters.get("read") == len(log.lines) and lag is not None and not sum(lag.values())
        return found if read and found.settled_tick is not None else None

    found = poll("all records in the status", caught_up, 120, 1)
    assert found.state == "RUNNING"
    assert found.restarts == 0
    assert found.watermark is not None
    assert found.checkpoint is not None
    assert found.checkpoint["size"] > 0
    assert set(found.kafka_lag or ()) == set(range(USED))
    assert found.settled_tick is not None
    assert found.settled_tick <= found.watermark
    text = render_status(found)
    assert f"{len(log.lines):,} read" in text
    assert not any(gap in text for gap in ("not known", "not asked for", "none yet"))


def test_operators_are_called_as_agreed(job: Job, stack: Cluster) -> None:
    """The committed names are what Flink makes of the graph: its workers' steps and their order are in its own plan."""
    shown = " ".join(vertex["name"] for vertex in stack.rest(f"jobs/{job.id}")["vertices"])
    for step in {line.split()[1].split("/")[0] for line in committed_names() if line.startswith("state")}:
        assert step in shown


def test_nothing_listens_beyond_this_machine(job: Job, stack: Cluster, flink: FlinkRest) -> None:
    """Job server and workers' ports ask for no password: who reaches them runs what he likes."""
    poll("a worker at work", lambda: status(flink, job.id).counters.get("read"), 120, 1)
    found = {name: listens_on(stack.pid(name)) for name in PARTS}
    assert all(found.values())
    # For workers: control, data, state, logging, artifacts, provision; and three of Flink's own.
    assert len(found["taskmanager"]) >= 9
    beyond = {name: [port for port, at in ports.items() if not at.is_loopback] for name, ports in found.items()}
    assert beyond == {name: [] for name in PARTS}


def test_rocksdb_is_as_the_job_server_has_it(job: Job, stack: Cluster, flink: FlinkRest) -> None:
    """The small lists of files come with the job: a cluster that named their class could run no job but ours."""
    poll("a worker at work", lambda: status(flink, job.id).counters.get("read"), 120, 1)

    def options() -> list[str] | None:
        try:  # RocksDB replaces these files when a state is used for the first time
            return [path.read_text() for path in stack.scratch("taskmanager").rglob("OPTIONS-*[0-9]")] or None
        except FileNotFoundError:
            return None

    written = poll("RocksDB's options", options, 30)
    assert all("max_manifest_file_size=262144\n" in text for text in written)
    assert all("compaction_style=kCompactionStyleUniversal\n" in text for text in written)
    assert not [each for each in stack.rest("jobmanager/config") if each["value"].startswith("segments.")]


def test_killed_worker_is_told_of(job: Job, flink: FlinkRest, stack: Cluster, topics: Topics, log: Log) -> None:
    poll("a worker at work", lambda: status(flink, job.id).counters.get("read"), 120, 1)
    for pid in stack.worker_pids():
        os.kill(pid, signal.SIGKILL)
    feed(stack.kafka, topics.events, finish(log, USED))  # Flink misses a worker only when it has work for it

    def restarted() -> Status | None:
        found = status(flink, job.id)
        return found if found.restarts and found.state == "RUNNING" else None

    found = poll("the restart in the status", restarted, 120, 1)
    assert found.last_failure is not None
    assert found.last_failure.message in render_status(found)


def test_cancelled_job_leaves_a_checkpoint_to_resume_from(job: Job, flink: FlinkRest) -> None:
    job.wait_for_checkpoint()
    job.cancel()
    latest = flink.checkpoints(job.id).latest
    assert latest is not None
    assert latest.path is not None
    assert (Path(latest.path.removeprefix("file:")) / "_metadata").is_file()
