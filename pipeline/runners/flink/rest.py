"""Flink's REST interface, as far as watching and stopping jobs needs it."""

import logging
import ssl
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

import httpx

from segmentation.errors import is_fatal

#: Seconds for one request.
TIMEOUT: Final = 10.0
#: Flink takes request lines of 4,096 bytes.
_LONGEST_QUERY: Final = 3_000
#: Seconds between two questions; a deadline ends them.
_POLL: Final = 0.2
#: What Flink says of a savepoint that it could not even begin.
_NOT_YET: Final = "Not all required tasks are currently running"
#: What Flink says of a job that it has just taken.
_INITIALIZING: Final = "while the JobManager is initializing"
#: Around a stack trace.
_ON_SERVER: Final = "<Exception on server side:"
_PYTHON: Final = "Traceback (most recent call last):"


class FlinkError(Exception):
    """Flink doesn't answer, refuses, or knows no such thing; the message names the address."""


@dataclass(frozen=True)
class Job:
    """A job of the cluster. Times are ms since the epoch, durations ms."""

    id: str
    name: str
    state: str  #: RUNNING, RESTARTING, FAILED, FINISHED, CANCELED, …
    started: int
    duration: int

    @property
    def active(self) -> bool:
        """Whether it has not ended."""
        return self.state not in ("FINISHED", "CANCELED", "FAILED", "SUSPENDED")


@dataclass(frozen=True)
class Vertex:
    """A chain of operators of a job."""

    id: str
    name: str
    parallelism: int
    state: str = "RUNNING"  #: INITIALIZING until its workers have started


@dataclass(frozen=True)
class Checkpoint:
    """A complete checkpoint. Times are ms since the epoch, durations ms, sizes bytes."""

    id: int
    triggered: int
    duration: int
    size: int  #: all of the state
    written: int  #: what this checkpoint had to write of it
    path: str | None  #: None where it isn't kept outside of the cluster


@dataclass(frozen=True)
class Checkpoints:
    """The checkpoints of a job so far. ``failure`` is the last failed one's message."""

    completed: int
    failed: int
    restored: int
    latest: Checkpoint | None
    failure: str | None


@dataclass(frozen=True)
class Failure:
    """Why a job restarted or failed. ``at`` is ms since the epoch; ``fatal``: no retry mends it."""

    at: int
    message: str
    fatal: bool = False


class FlinkRest:
    """A client for one cluster. Every method raises `FlinkError`."""

    def __init__(self, url: str, timeout: float = TIMEOUT) -> None:
        """``url`` as in ``http://127.0.0.1:8081``; ``timeout`` is in seconds, also for a job to be
        initialized."""
        self.url = url.rstrip("/")
        self._timeout = timeout
        # A connection for each request: Flink may close one that is kept just when the next request begins.
        single = httpx.Limits(max_keepalive_connections=0)
        # The machine's own certificates, as other programs on it use them, not those that come with httpx.
        trusted = ssl.create_default_context()
        self._client = httpx.Client(timeout=timeout, limits=single, follow_redirects=True, verify=trusted)
        # It logs every request, and a job that is followed is asked twice a second.
        logging.getLogger("httpx").setLevel(logging.WARNING)

    def jobs(self) -> list[Job]:
        """All jobs that the cluster remembers, the latest first."""
        jobs = [_job(found) for found in self._get("/jobs/overview")["jobs"]]
        return sorted(jobs, key=lambda job: -job.started)

    def job(self, job: str) -> tuple[Job, list[Vertex]]:
        """One job and its vertices, in the order of the data."""
        found = self._get(f"/jobs/{job}")
        vertices = [Vertex(each["id"], each["name"], each["parallelism"], each["status"]) for each in found["vertices"]]
        return _job(found), vertices

    def checkpoints(self, job: str) -> Checkpoints:
        """The checkpoints of a job."""
        found = self._get(f"/jobs/{job}/checkpoints")
        counts, latest = found["counts"], found["latest"]
        failed = latest.get("failed")
        return Checkpoints(
            completed=counts["completed"],
            failed=counts["failed"],
            restored=counts["restored"],
            latest=_checkpoint(latest.get("completed")),
            failure=None if failed is None else str(failed.get("failure_message")),
        )

    def restarts(self, job: str) -> int | None:
        """How often a job was restarted; None where the cluster doesn't say."""
        found = self._get(f"/jobs/{job}/metrics?get=numRestarts")
        return int(float(found[0]["value"])) if found else None

    def exceptions(self, job: str) -> list[Failure]:
        """What made a job restart or fail, the latest first."""
        entries = self._get(f"/jobs/{job}/exceptions")["exceptionHistory"]["entries"]
        return [
            Failure(entry["timestamp"], _root_cause(entry["stacktrace"]), is_fatal(entry["stacktrace"]))
            for entry in entries
        ]

    def metric_names(self, job: str, vertex: str) -> list[str]:
        """The metrics of a vertex: ``<operator>.<metric>`` or ``<metric>``."""
        return [found["id"] for found in self._get(f"/jobs/{job}/vertices/{vertex}/subtasks/metrics")]

    def metrics(self, job: str, vertex: str, names: Iterable[str], aggregate: str = "sum") -> dict[str, float]:
        """Values over the subtasks of a vertex; ``aggregate`` is sum, min, max or avg. Missing ones are left out."""
        values: dict[str, float] = {}
        for asked in _queries(names):
            for found in self._get(f"/jobs/{job}/vertices/{vertex}/subtasks/metrics?get={asked}&agg={aggregate}"):
                if aggregate in found:
                    values[found["id"]] = float(found[aggregate])
        return values

    def watermarks(self, job: str, vertex: str) -> list[int]:
        """The input watermarks of a vertex's subtasks, in ms since the epoch; of sources there are none."""
        return [int(found["value"]) for found in self._get(f"/jobs/{job}/vertices/{vertex}/watermarks")]

    def setting(self, name: str) -> str | None:
        """A setting of the cluster's configuration; None where it isn't set."""
        settings = {found["key"]: found["value"] for found in self._get("/jobmanager/config")}
        value: str | None = settings.get(name)
        return value

    def stop_with_savepoint(self, job: str, folder: str | None = None, timeout: float = 300.0) -> str:
        """Takes a savepoint, cancels the job right after it, and returns the savepoint's path when the job has ended.

        Flink's own stop won't do: it ends the source first, and Beam's source then declares all time past, so that
        timers fire early and state is cleared *before* the savepoint.

        ``folder`` is where savepoints go, as the cluster sees it (its own setting where None); ``timeout`` is in
        seconds, after which the job may still stop.
        """
        request: dict[str, object] = {"cancel-job": True}
        if folder is not None:
            request["target-directory"] = folder
        deadline = time.monotonic() + timeout
        trigger = None
        while time.monotonic() < deadline:
            if trigger is None:
                trigger = self._request("POST", f"/jobs/{job}/savepoints", request)["request-id"]
            try:
                path = self._savepoint(job, trigger)
            except FlinkError as error:
                # A job that starts, or recovers, has a savepoint as soon as all of it runs.
                if _NOT_YET not in str(error) or not self.job(job)[0].active:
                    raise
                path = trigger = None
            if path is not None and not self.job(job)[0].active:
                return path
            time.sleep(_POLL)
        raise FlinkError(f"{self.url}: job {job} has not stopped within {timeout:g} s; its savepoint may still come")

    def _savepoint(self, job: str, trigger: str) -> str | None:
        """The path of a savepoint; None while it is being written."""
        found = self._get(f"/jobs/{job}/savepoints/{trigger}")
        if found["status"]["id"] != "COMPLETED":
            return None
        operation = found["operation"]
        if "location" not in operation:
            raise FlinkError(f"{self.url}: job {job} goes on: {_root_cause(_stack_trace(operation))}")
        return str(operation["location"])

    def cancel(self, job: str) -> None:
        """Ends a job without a savepoint; returns at once."""
        self._request("PATCH", f"/jobs/{job}?mode=cancel")

    def _get(self, path: str) -> Any:
        return self._request("GET", path)

    def _request(self, method: str, path: str, content: Mapping[str, object] | None = None) -> Any:
        deadline = time.monotonic() + self._timeout
        while True:
            try:
                return self._once(method, path, content)
            except FlinkError as error:
                if _INITIALIZING not in str(error) or time.monotonic() > deadline:
                    raise
                time.sleep(_POLL)

    def _once(self, method: str, path: str, content: Mapping[str, object] | None) -> Any:
        try:
            answer = self._client.request(method, self.url + path, json=content)
            if answer.is_success:
                return answer.json() if answer.content else None
        except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
            raise FlinkError(f"{self.url}: Flink doesn't answer: {error}") from error
        raise FlinkError(f"{self.url}: {_refusal(answer)}")


def _queries(names: Iterable[str]) -> Iterator[str]:
    """Names as they stand in a URL, a few at a time."""
    query = ""
    for name in names:
        quoted = quote(name, safe="")
        if query and len(query) + len(quoted) > _LONGEST_QUERY:
            yield query
            query = ""
        query += ("%2C" if query else "") + quoted
    if query:
        yield query


def _job(found: Mapping[str, Any]) -> Job:
    return Job(found["jid"], found["name"], found["state"], found["start-time"], found["duration"])


def _checkpoint(found: Mapping[str, Any] | None) -> Checkpoint | None:
    if found is None:
        return None
    return Checkpoint(
        id=found["id"],
        triggered=found["trigger_timestamp"],
        duration=found["end_to_end_duration"],
        size=found["state_size"],
        written=found["checkpointed_size"],
        path=found.get("external_path") or None,
    )


def _refusal(answer: httpx.Response) -> str:
    try:
        messages = answer.json()["errors"]
    except (ValueError, KeyError, TypeError):
        return f"HTTP {answer.status_code}"
    texts = [text for text in messages if isinstance(text, str) and text.strip()]
    return _root_cause(texts[-1]) if texts else f"HTTP {answer.status_code}"


def _stack_trace(operation: Mapping[str, Any]) -> str:
    return str(operation.get("failure-cause", {}).get("stack-trace", "no reason given"))


def _root_cause(trace: str) -> str:
    """The line of a Java stack trace that says most: the Python error in it, its last ``Caused by``, its first line."""
    _, found, python = trace.rpartition(_PYTHON)
    if found:
        # Of a Python traceback, what isn't indented is the error, up to where Java's lines begin again.
        ours = python.partition("\n\tat ")[0].splitlines()[1:]
        error = next((line for line in ours if line.strip() and not line.startswith((" ", "\t"))), None)
        if error is not None:
            return error.strip()
    lines = [line.strip() for line in trace.removeprefix(_ON_SERVER).splitlines() if line.strip()]
    causes = [line.removeprefix("Caused by: ") for line in lines if line.startswith("Caused by: ")]
    return causes[-1] if causes else lines[0] if lines else "no reason given"
