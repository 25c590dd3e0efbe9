"""What comes of Flink's answers, and of none, as `tests/flink` cannot make a real one give them."""

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any, ClassVar

import pytest
from apache_beam.runners.runner import PipelineResult

from pipeline.inputs import Inputs
from pipeline.options.run_arguments import RunArguments
from pipeline.options.run_options import RunOptions
from pipeline.runners.contract import Voice
from pipeline.runners.flink import job as following
from pipeline.runners.flink.cluster import Cluster
from pipeline.runners.flink.measuring import Measured, measure, rates
from pipeline.runners.flink.operations import find_job, sample_seconds, status, stop
from pipeline.runners.flink.rest import FlinkError, FlinkRest, Vertex
from pipeline.runners.flink.showing import render_status
from segmentation.errors import FATAL
from segmentation.rules.file import parse_rules

JAVA = """java.lang.RuntimeException: failed
\tat org.apache.flink.Something.run(Something.java:1)
Caused by: java.io.IOException: the disk is full
\tat java.base/java.io.Something(Something.java:2)
"""
PYTHON = """org.apache.flink.util.FlinkException: stopped
\tat org.apache.flink.Something.run(Something.java:1)
Caused by: java.lang.RuntimeException: Error received from SDK harness: Traceback (most recent call last):
  File "worker.py", line 1, in process
    raise KeyError("first")
KeyError: 'first'

During handling of the above exception, another exception occurred:

Traceback (most recent call last):
  File "worker.py", line 2, in process
    raise ShardStateError("written with --shards 4")
transforms.state.shard_state.ShardStateError: written with --shards 4 [while running 'TrackUsers/Track']

\tat org.apache.beam.Something.run(Something.java:3)
"""


RULES = "{version: 1, features: {seen: {kind: recency}}, segments: {here: {when: seen IS NOT NULL}}}"
FATAL_PYTHON = PYTHON.replace("'TrackUsers/Track']\n", f"'TrackUsers/Track']\n{FATAL}\n")


class Flink(BaseHTTPRequestHandler):
    """Answers a path with what a test put there: (status, content)."""

    answers: ClassVar[dict[str, tuple[int, Any]]] = {}
    #: What comes before these, whatever the path.
    first: ClassVar[list[tuple[int, Any]]] = []
    #: What was asked, in order.
    asked: ClassVar[list[tuple[str, str]]] = []

    def _answer(self) -> None:
        self.asked.append((self.command, self.path))
        code, content = self.answers.get(self.path, (404, {"errors": ["Not found: " + self.path]}))
        if self.first:
            code, content = self.first.pop(0)
        self.send_response(code)
        self.end_headers()
        self.wfile.write(json.dumps(content).encode())

    def do_GET(self) -> None:
        self._answer()

    def do_PATCH(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self._answer()

    def log_message(self, *arguments: Any) -> None:
        pass


@pytest.fixture
def rest() -> Iterator[FlinkRest]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Flink)
    Thread(target=server.serve_forever, daemon=True).start()
    Flink.answers, Flink.first, Flink.asked = {}, [], []
    yield FlinkRest(f"http://127.0.0.1:{server.server_port}/", timeout=5)
    server.shutdown()
    server.server_close()


def _jobs(*jobs: tuple[str, str, str]) -> None:
    overview = [
        {"jid": key, "name": name, "state": state, "start-time": 1_000 * n, "duration": 5_000}
        for n, (key, name, state) in enumerate(jobs)
    ]
    Flink.answers["/jobs/overview"] = (200, {"jobs": overview})


def test_only_segments_job_that_runs(rest: FlinkRest) -> None:
    _jobs(("a", "segments", "FINISHED"), ("b", "segments-eu", "RUNNING"), ("c", "other", "RUNNING"))
    assert find_job(rest).id == "b"
    assert find_job(rest, "c").id == "c"
    assert find_job(rest, "other").id == "c"


def test_ended_job_only_where_none_runs(rest: FlinkRest) -> None:
    _jobs(("a", "segments", "FINISHED"), ("b", "segments", "FAILED"))
    assert find_job(rest, ended=True).id == "b", "the latest"
    with pytest.raises(FlinkError, match=r"no job runs .*'segments'; there is segments \(FAILED\)"):
        find_job(rest)


def test_several_jobs_are_listed(rest: FlinkRest) -> None:
    _jobs(("a", "segments", "RUNNING"), ("b", "segments", "RESTARTING"))
    with pytest.raises(FlinkError, match=r"2 jobs could be meant(.|\n)*b  segments  RESTARTING\n  a  segments"):
        find_job(rest)


def test_unknown_job_and_none_at_all(rest: FlinkRest) -> None:
    _jobs()
    with pytest.raises(FlinkError, match="no job called 'x' runs; there are no jobs at all"):
        find_job(rest, "x")


def test_nobody_answers() -> None:
    with pytest.raises(FlinkError, match=r"http://127\.0\.0\.1:1: Flink doesn't answer"):
        FlinkRest("http://127.0.0.1:1").jobs()


INITIALIZING = """<Exception on server side:
org.apache.flink.runtime.dispatcher.UnavailableDispatcherOperationException: Unable to get JobMasterGateway for \
initializing job. The requested operation is not available while the JobManager is initializing.
\tat org.apache.flink.runtime.dispatcher.Dispatcher.getJobMasterGateway(Dispatcher.java:1)

End of exception on server side>"""


def test_job_that_is_still_initializing_is_asked_again(rest: FlinkRest) -> None:
    Flink.first = [(500, {"errors": ["Internal server error.", INITIALIZING]})] * 2
    Flink.answers["/jobs/a/checkpoints"] = (200, {"counts": {"completed": 0, "failed": 0, "restored": 0}, "latest": {}})
    assert rest.checkpoints("a").latest is None
    assert Flink.first == []


def test_job_that_initializes_for_ever_is_an_error(rest: FlinkRest) -> None:
    Flink.first = [(500, {"errors": ["Internal server error.", INITIALIZING]})] * 1_000
    with pytest.raises(FlinkError, match=r"UnavailableDispatcherOperationException: .* while the JobManager is init"):
        FlinkRest(rest.url, timeout=0.5).checkpoints("a")


def test_refusal_is_flinks_own_word(rest: FlinkRest) -> None:
    with pytest.raises(FlinkError, match="Not found: /jobs/x"):
        rest.job("x")


@pytest.mark.parametrize(
    ("trace", "fatal"), [(FATAL_PYTHON, True), (PYTHON, False), (JAVA, False), (f"'{FATAL}'", False)]
)
def test_what_no_retry_mends_is_known_by_a_line_of_its_own(rest: FlinkRest, trace: str, fatal: bool) -> None:
    Flink.answers["/jobs/a/exceptions"] = (
        200,
        {"exceptionHistory": {"entries": [{"timestamp": 1, "stacktrace": trace}]}},
    )
    assert rest.exceptions("a")[0].fatal is fatal


@pytest.mark.parametrize("state", ["RESTARTING", "FAILED"])
def test_followed_job_that_no_retry_mends_is_ended_where_it_does_not_end_by_itself(
    rest: FlinkRest, state: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "_FAILING", 0.0)
    job = {"jid": "a", "name": "segments", "state": state, "start-time": 1, "duration": 2, "vertices": []}
    entries = [{"timestamp": 1, "stacktrace": FATAL_PYTHON}]
    Flink.answers["/jobs/a"] = (200, job)
    Flink.answers["/jobs/a/exceptions"] = (200, {"exceptionHistory": {"entries": entries}})
    Flink.answers["/jobs/a?mode=cancel"] = (202, None)
    inputs = Inputs(parse_rules(RULES, "r.yaml"), None, [])
    arguments = RunArguments(rules="r.yaml", events="kafka://127.0.0.1:1/e", changes="kafka://127.0.0.1:1/c")
    launch = following.FlinkLaunch(RunOptions.parse(arguments), inputs, Cluster(None, None, None))
    flink_job = following.FlinkJob("a", launch, rest, PipelineResult("RUNNING"), 0.0)
    with pytest.raises(FlinkError, match="written with --shards 4"):
        flink_job.follow(Voice(quiet=True))
    assert ("PATCH", "/jobs/a?mode=cancel") in Flink.asked or state == "FAILED"


@pytest.mark.parametrize(
    ("trace", "message"),
    [
        (JAVA, "java.io.IOException: the disk is full"),
        (
            PYTHON,
            "transforms.state.shard_state.ShardStateError: written with --shards 4 [while running 'TrackUsers/Track']",
        ),
        ("just a line", "just a line"),
        ("", "no reason given"),
    ],
)
def test_failure_is_told_by_its_root(rest: FlinkRest, trace: str, message: str) -> None:
    entries = [{"timestamp": 1, "stacktrace": trace}]
    Flink.answers["/jobs/a/exceptions"] = (200, {"exceptionHistory": {"entries": entries}})
    assert rest.exceptions("a")[0].message == message


def test_failed_savepoint_leaves_the_job(rest: FlinkRest) -> None:
    _jobs(("a", "segments", "RUNNING"))
    Flink.answers["/jobs/a/savepoints"] = (202, {"request-id": "t"})
    operation = {"failure-cause": {"class": "X", "stack-trace": JAVA}}
    Flink.answers["/jobs/a/savepoints/t"] = (200, {"status": {"id": "COMPLETED"}, "operation": operation})
    with pytest.raises(FlinkError, match=r"job a goes on: java\.io\.IOException: the disk is full"):
        stop(rest)


def test_savepoint_that_takes_too_long(rest: FlinkRest) -> None:
    _jobs(("a", "segments", "RUNNING"))
    Flink.answers["/jobs/a/savepoints"] = (202, {"request-id": "t"})
    Flink.answers["/jobs/a/savepoints/t"] = (200, {"status": {"id": "IN_PROGRESS"}})
    with pytest.raises(FlinkError, match=r"has not stopped within 0\.1 s"):
        stop(rest, timeout=0.1)


@pytest.mark.parametrize(
    ("setting", "seconds"), [(None, 11), ("10000", 11), ("1 s", 2), ("500 ms", 2), ("1h", 20), ("what", 11)]
)
def test_two_looks_are_as_far_apart_as_metrics_are_renewed(
    rest: FlinkRest, setting: str | None, seconds: float
) -> None:
    settings = [] if setting is None else [{"key": "metrics.fetcher.update-interval", "value": setting}]
    Flink.answers["/jobmanager/config"] = (200, settings)
    assert sample_seconds(rest) == pytest.approx(seconds)


def test_counters_are_summed_over_vertices_and_others_left_out(rest: FlinkRest) -> None:
    _vertex("v", {"[1]Decode.segments_read": 7, "[1]Decode.numRecordsIn": 1}, watermark=5_000)
    _vertex("w", {"[2]Track.segments_read": 5, "[2]Track.segments_dead_letter_json": 2}, watermark=3_000)
    found = measure(rest, "a", [Vertex("v", "one", 1), Vertex("w", "two", 1)])
    assert found.counters == {"read": 12, "dead_letter_json": 2}
    assert found.below("dead_letter") == {"json": 2}
    assert found.watermark == 3_000


def test_many_names_are_asked_for_in_several_requests(rest: FlinkRest) -> None:
    path = "/jobs/a/vertices/v/subtasks/metrics"
    names = [f"{number:03}" + "x" * 997 for number in range(5)]
    for asked in (names[:2], names[2:4], names[4:]):
        values = [{"id": name, "max": 1} for name in asked]
        Flink.answers[f"{path}?get={'%2C'.join(asked)}&agg=max"] = (200, values)
    assert rest.metrics("a", "v", names, "max") == dict.fromkeys(names, 1.0)


def test_a_vertex_without_time_holds_all_back_and_an_ended_one_nothing(rest: FlinkRest) -> None:
    _vertex("v", {}, watermark=-(2**63))
    _vertex("w", {}, watermark=2**63 - 1)
    _vertex("x", {}, watermark=4_000)
    first, second, third = (Vertex(key, key, 1) for key in "vwx")
    assert measure(rest, "a", [first, third]).watermark is None
    assert measure(rest, "a", [second, third]).watermark == 4_000


def test_rates_of_a_restarted_job_are_not_negative() -> None:
    before, after = Measured({"read": 100}), Measured({"read": 10, "changes_EARLY": 4, "changes_ON_TIME": 2})
    assert rates(before, after, 2.0) == {"read": 0, "accepted": 0, "changes": 3}


def test_status_of_a_job_that_has_just_begun(rest: FlinkRest) -> None:
    _jobs(("a", "segments", "RUNNING"))
    Flink.answers["/jobmanager/config"] = (200, [])
    vertices = [{"id": "v", "name": "one", "parallelism": 1, "status": "INITIALIZING"}]
    job = {"jid": "a", "name": "segments", "state": "RUNNING", "start-time": 0, "duration": 1_500}
    Flink.answers["/jobs/a"] = (200, job | {"vertices": vertices})
    Flink.answers["/jobs/a/metrics?get=numRestarts"] = (200, [])
    Flink.answers["/jobs/a/exceptions"] = (200, {"exceptionHistory": {"entries": []}})
    _checkpoints(completed=None)
    _vertex("v", {}, watermark=-(2**63))
    found = status(rest, sleep=lambda _: None)
    assert found.state == "STARTING"
    text = render_status(found)
    assert "starting for 1.5 s" in text
    assert "none yet: no event time" in text


def _checkpoints(completed: dict[str, Any] | None) -> None:
    counts = {"completed": 0, "failed": 0, "restored": 0}
    Flink.answers["/jobs/a/checkpoints"] = (200, {"counts": counts, "latest": {"completed": completed, "failed": None}})


def _vertex(key: str, metrics: dict[str, int], watermark: int) -> None:
    path = f"/jobs/a/vertices/{key}"
    Flink.answers[f"{path}/subtasks/metrics"] = (200, [{"id": name} for name in metrics])
    Flink.answers[f"{path}/watermarks"] = (200, [{"id": "0.currentInputWatermark", "value": str(watermark)}])
    asked = ",".join(name for name in metrics if ".segments_" in name)
    query = asked.replace("[", "%5B").replace("]", "%5D").replace(",", "%2C")
    values = [{"id": name, "sum": value} for name, value in metrics.items() if ".segments_" in name]
    Flink.answers[f"{path}/subtasks/metrics?get={query}&agg=sum"] = (200, values)
