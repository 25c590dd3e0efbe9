"""Parts are killed in the middle of traffic: nothing is lost, nothing invented, and what is repeated keeps its id."""

import os
import random
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.acceptance.comparing import Settled
from tests.flink.cluster import Cluster
from tests.flink.feeding import Feeder, feed
from tests.flink.jobs import Job, arguments_of, running, submit
from tests.flink.judging import assert_exact, expected_of
from tests.flink.logs import Log, finish, records, simulate
from tests.flink.reading import Reader
from tests.flink.topics import Topics
from tests.seeds import seeds

RULES = Path(__file__).parents[2] / "examples" / "rules.yaml"
USED = 2
#: Events a second: slow enough that a crash falls into the middle of a log.
RATE = 900.0
#: The part of a log after which the test waits for changes: only then is a crash one in the middle of traffic.
BEGINNING = 0.2
Strike = Callable[[Cluster, Job, list[str]], Job]


def kill_task_manager(cluster: Cluster, job: Job, arguments: list[str]) -> Job:
    cluster.kill("taskmanager")
    cluster.start("taskmanager")
    return job


def kill_job_manager(cluster: Cluster, job: Job, arguments: list[str]) -> Job:
    """A session cluster forgets its jobs then: the job goes on from its last retained checkpoint."""
    cluster.kill("jobmanager")
    cluster.start("jobmanager")
    return submit(cluster, [*arguments, "--from-savepoint", str(cluster.latest_checkpoint(job.id))])


def kill_worker(cluster: Cluster, job: Job, arguments: list[str]) -> Job:
    for pid in cluster.worker_pids():
        os.kill(pid, signal.SIGKILL)
    return job


def kill_broker(cluster: Cluster, job: Job, arguments: list[str]) -> Job:
    cluster.kill("broker")
    cluster.start("broker")
    return job


@pytest.fixture(scope="module")
def logs(tmp_path_factory: pytest.TempPathFactory) -> Callable[[int], tuple[Log, list[Settled]]]:
    """By seed: a log and what it has to come to."""
    made: dict[int, tuple[Log, list[Settled]]] = {}

    def of(seed: int) -> tuple[Log, list[Settled]]:
        if seed not in made:
            log = simulate(tmp_path_factory.mktemp("log") / "events.jsonl", users=300, days=7, seed=seed)
            made[seed] = log, expected_of(RULES, log)
        return made[seed]

    return of


@seeds(1, 2, 3)
@pytest.mark.parametrize("strike", [kill_task_manager, kill_job_manager, kill_worker, kill_broker])
def test_crash_in_the_middle_of_traffic(
    stack: Cluster,
    make_topics: Callable[..., Topics],
    logs: Callable[[int], tuple[Log, list[Settled]]],
    strike: Strike,
    seed: int,
    record_property: Callable[[str, object], None],
) -> None:
    log, expected = logs(seed)
    topics = make_topics(USED)
    # A partition counts as idle only after a silence that no outage here lasts for.
    arguments = arguments_of(RULES, topics, "--shards", 4, "--parallelism", 1, query="idle=10m")
    ids = {change.change_id for change in expected}
    at = int(random.Random(seed).uniform(0.25, 0.7) * len(log.lines))
    traffic = list(records(log, USED))
    begun = int(BEGINNING * len(traffic))
    with running(stack, arguments) as job, Reader(stack.kafka, topics.changes) as reader:
        feed(stack.kafka, topics.events, traffic[:begun])
        reader.take_until("the first change", lambda: reader.count > 0, 60)
        job.wait_for_checkpoint()
        with Feeder(stack.kafka, topics.events, traffic[begun:], RATE) as feeder:
            feeder.wait_for(at - begun)
            assert begun + feeder.fed < len(log.lines), "the traffic has ended before the crash"
            struck = time.monotonic()
            job = strike(stack, job, arguments)
        feed(stack.kafka, topics.events, finish(log, USED))
        reader.take_until("all settled changes", lambda: reader.settled_ids >= ids, 180)
        recovered = time.monotonic() - struck
        job.wait_for_checkpoint()
        job.cancel()
        reader.take_rest()
        assert_exact(reader.changes, expected)
    settled = sum(read.change["stage"] != "EARLY" for read in reader.changes)
    record_property(
        f"{len(log.lines)} events, struck at {at}",
        f"all settled {recovered:.1f} s after; {len(ids)} changes, {settled - len(ids)} repeated",
    )
