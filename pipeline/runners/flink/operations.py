"""What an operator asks of a running job: how is it, and stop it so that it can be resumed."""

import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

from pipeline.io.kafka.address import KafkaAddress
from pipeline.runners.flink.lag import kafka_lag
from pipeline.runners.flink.measuring import Measured, measure, rates
from pipeline.runners.flink.options import JOB_NAME
from pipeline.runners.flink.rest import Failure, FlinkError, FlinkRest, Job, Vertex
from segmentation.units import parse_duration

#: Seconds between the two looks that rates are made of, at least.
SAMPLE: Final = 2.0
#: How old Flink lets metrics become where its configuration doesn't say, seconds.
_FETCHED_EVERY: Final = 10.0
_OLDEST: Final = 20.0
#: Seconds that a fetch may take.
_FETCH: Final = 0.7


@dataclass(frozen=True)
class Status:
    """A job as it is now. Times are ms since the epoch (``age``: ms before now), durations seconds, sizes bytes.

    Counters and rates start anew when a job restarts. None: not known (yet).
    """

    job: str
    name: str
    state: str  #: Flink's word, or STARTING while not all of its workers have begun
    started: int
    uptime: float
    restarts: int | None
    counters: dict[str, int]
    dead_letters: dict[str, int]
    changes: dict[str, int]
    read_per_second: float
    accepted_per_second: float
    changes_per_second: float
    watermark: int | None
    watermark_age: int | None
    watermarks: dict[str, int | None]
    event_time_held: int | None  #: for so many ms it has stood still at the source
    event_time_holder: int | None  #: the partition that holds it; -1 where none does, None where readers differ
    settled_tick: int | None
    kafka_lag: dict[int, int] | None  #: by partition, in records
    checkpoint: dict[str, Any] | None
    checkpoint_age: int | None
    checkpoints_completed: int
    checkpoints_failed: int
    checkpoint_failure: str | None
    last_failure: Failure | None

    def to_dict(self) -> dict[str, Any]:
        """For ``--json``."""
        return asdict(self)


def find_job(rest: FlinkRest, wanted: str | None = None, *, ended: bool = False) -> Job:
    """The job that ``wanted`` names by id or name or, without it, the only one whose name begins with ``segments``.

    ``ended``: jobs that have ended count too, where no other does.

    Raises:
        FlinkError: there is none, or there are several.
    """
    jobs = rest.jobs()
    if wanted is None:
        named = [job for job in jobs if job.name.startswith(JOB_NAME)]
    else:
        named = [job for job in jobs if wanted in (job.id, job.name)]
    found = [job for job in named if job.active]
    if not found and ended:
        found = named[:1]
    if len(found) == 1:
        return found[0]
    if found:
        listed = "".join(f"\n  {job.id}  {job.name}  {job.state}" for job in found)
        raise FlinkError(f"{rest.url}: {len(found)} jobs could be meant; name one by its id:{listed}")
    what = f"no job called {wanted!r} runs" if wanted else f"no job runs whose name begins with {JOB_NAME!r}"
    others = ", ".join(f"{job.name} ({job.state})" for job in jobs[:5])
    raise FlinkError(f"{rest.url}: {what}" + (f"; there is {others}" if others else "; there are no jobs at all"))


def status(
    rest: FlinkRest,
    wanted: str | None = None,
    events: KafkaAddress | None = None,
    *,
    clock: Callable[[], float] = time.time,
    sleep: Callable[[float], None] = time.sleep,
) -> Status:
    """How a job is; takes two looks at it, as far apart as the cluster renews its metrics.

    ``events`` is what the job reads, if its lag is of interest.

    Raises:
        AddressError, BrokerError: the lag can't be had.
        FlinkError: Flink doesn't answer, or which job is meant isn't clear.
    """
    job = find_job(rest, wanted, ended=True)
    measured, per_second = _looks(rest, job, sleep)
    job, vertices = rest.job(job.id)
    starting = job.state == "RUNNING" and any(vertex.state != "RUNNING" for vertex in vertices)
    failures = rest.exceptions(job.id)
    restarts = rest.restarts(job.id) if job.active else None
    lag = None if events is None else kafka_lag(events)
    now = int(clock() * 1000)
    checkpoints = rest.checkpoints(job.id)
    latest, watermark = checkpoints.latest, measured.watermark
    return Status(
        job=job.id,
        name=job.name,
        state="STARTING" if starting else job.state,
        started=job.started,
        uptime=job.duration / 1000,
        restarts=restarts,
        counters=measured.counters,
        dead_letters=measured.below("dead_letter"),
        changes=measured.below("changes"),
        read_per_second=per_second["read"],
        accepted_per_second=per_second["accepted"],
        changes_per_second=per_second["changes"],
        watermark=watermark,
        watermark_age=None if watermark is None else now - watermark,
        watermarks=measured.watermarks,
        event_time_held=measured.held,
        event_time_holder=measured.holder,
        settled_tick=measured.settled,
        kafka_lag=lag,
        checkpoint=None if latest is None else asdict(latest),
        checkpoint_age=None if latest is None else now - latest.triggered - latest.duration,
        checkpoints_completed=checkpoints.completed,
        checkpoints_failed=checkpoints.failed,
        checkpoint_failure=checkpoints.failure,
        last_failure=failures[0] if failures else None,
    )


def _looks(rest: FlinkRest, job: Job, sleep: Callable[[float], None]) -> tuple[Measured, Mapping[str, float]]:
    """The numbers of now, and the rates between two looks at a job that runs."""
    _, vertices = rest.job(job.id)
    earlier = _fresh(rest, job, vertices, sleep)
    if not job.active:
        return earlier, rates(earlier, earlier, 1.0)
    seconds = sample_seconds(rest)
    sleep(seconds)
    later = _fresh(rest, job, vertices, sleep)
    return later, rates(earlier, later, seconds + _FETCH)


def _fresh(rest: FlinkRest, job: Job, vertices: list[Vertex], sleep: Callable[[float], None]) -> Measured:
    """Flink answers with what it fetched last and only then fetches anew: the first answer may be an hour old."""
    measured = measure(rest, job.id, vertices)
    if job.active:
        sleep(_FETCH)
        measured = measure(rest, job.id, vertices)
    return measured


def sample_seconds(rest: FlinkRest) -> float:
    """How far apart two looks must be to differ, in seconds: Flink renews what it says of metrics only so often.

    Raises:
        FlinkError: Flink doesn't answer.
    """
    text = rest.setting("metrics.fetcher.update-interval")
    return max(SAMPLE, min(_OLDEST, 1.1 * _seconds(text)))


def _seconds(text: str | None) -> float:
    """Flink writes durations with a unit or as bare ms."""
    if text is None:
        return _FETCHED_EVERY
    compact = text.replace(" ", "").lower()
    try:
        return int(compact) / 1000 if compact.isdigit() else parse_duration(compact) / 1_000_000
    except ValueError:
        return _FETCHED_EVERY


def stop(rest: FlinkRest, wanted: str | None = None, savepoints: str | None = None, timeout: float = 300.0) -> str:
    """Stops a job, its state kept, and returns the path to resume from (``--from-savepoint``).

    Nothing is settled ahead of its time: what waits for a later watermark waits in the savepoint. What goes out between
    the savepoint and the end is repeated by the job that resumes. ``savepoints`` is a folder as the cluster sees it
    (its own setting where None); ``timeout`` is in seconds.

    Raises:
        FlinkError: Flink doesn't answer, which job is meant isn't clear, or the savepoint failed (the job goes on).
    """
    return rest.stop_with_savepoint(find_job(rest, wanted).id, savepoints, timeout)
