"""How many events a second a job has behind it, while the topic always holds more."""

import time
from dataclasses import dataclass, field
from typing import Final

from tests.bench.flink.job import RunError, RunningJob
from tests.bench.flink.topics import Progress
from tests.bench.flink.usage import Usage

#: Seconds that a job may take to commit anything.
_START: Final = 180.0
_POLL: Final = 0.2


@dataclass(frozen=True)
class Sample:
    """The records behind a job at a moment (`time.monotonic`)."""

    at: float
    records: int
    usage: Usage


@dataclass(frozen=True)
class Run:
    """One measured run. Times are seconds, rates events a second."""

    #: From the submission to the first checkpoint that holds events.
    start: float
    #: Events and time between the first and the last position that count.
    events: int
    seconds: float
    #: CPU microseconds an event: of the TaskManager, and of the processes below it.
    jvm_micros: float
    worker_micros: float
    #: Whether the job reached the end of the topic.
    drained: bool
    samples: list[tuple[float, int]] = field(default_factory=list, repr=False)

    @property
    def rate(self) -> float:
        """Events a second."""
        return self.events / self.seconds


def drain(job: RunningJob, limit: float, events: int) -> Run:
    """Watches a job until it has read all of its topic, or for ``limit`` seconds from its first progress on.

    Args:
        job: has just been submitted.
        limit: seconds.
        events: how many the topic holds.

    Raises:
        RunError: The job ended, or made no progress.
    """
    progress = Progress(job.bench.addresses.kafka, job.read.group, job.read.topic)
    try:
        total = progress.total()
        return measured(job, _samples(job, progress, total, limit), total, events / total)
    finally:
        progress.close()


def _samples(job: RunningJob, progress: Progress, total: int, limit: float) -> list[Sample]:
    """A sample for each position that the job commits, and where it is not at the end in time, one of that moment."""
    samples: list[Sample] = []
    deadline = time.monotonic() + _START
    while time.monotonic() < deadline and (not samples or samples[-1].records < total):
        records = progress.records()
        if records > (samples[-1].records if samples else 0):
            if not samples:
                deadline = time.monotonic() + limit
            samples.append(Sample(time.monotonic(), records, job.usage()))
        job.check()
        time.sleep(_POLL)
    if samples and samples[-1].records < total:
        samples.append(Sample(time.monotonic(), progress.records(), job.usage()))
    return samples


def measured(job: RunningJob, samples: list[Sample], total: int, each: float) -> Run:
    """The run that its samples tell of; ``total`` is in records, ``each`` the events of one.

    The job idles between its last record and the checkpoint that holds it, so the end of a topic counts only where
    nothing else is left to measure by.
    """
    drained = bool(samples) and samples[-1].records == total
    used = samples[:-1] if drained and len(samples) > 3 else samples
    if len(used) < 2:
        raise RunError(f"{job.read.name}: {len(used)} committed positions are too few to measure by")
    first, last = used[0], used[-1]
    events = round((last.records - first.records) * each)
    return Run(
        start=first.at - job.started,
        events=events,
        seconds=last.at - first.at,
        jvm_micros=1e6 * (last.usage.jvm_cpu - first.usage.jvm_cpu) / events,
        worker_micros=1e6 * (last.usage.worker_cpu - first.usage.worker_cpu) / events,
        drained=drained,
        samples=[(round(sample.at - job.started, 2), round(sample.records * each)) for sample in samples],
    )
