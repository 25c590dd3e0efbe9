"""How Flink's checkpoints grow while a subscription is read: ``python -m tests.bench.pubsub.growth``.

Needs a running stack (``make stack-up``). Publishes events at a pace, reads them on Flink into nothing, and prints the
size and duration of the checkpoints meanwhile.
"""

import argparse
import json
import os
import threading
import time
import urllib.request
from typing import Any, Final

import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions

from deploy.local import default_folder
from deploy.local.layout import Addresses
from deploy.pubsub_emulator.building import build
from deploy.pubsub_emulator.running import HOST
from pipeline.io.pubsub.address import PubsubAddress
from pipeline.io.pubsub.source import ReadPubsub
from pipeline.runners.flink.options import flink_settings
from pipeline.runners.flink.submission import FlinkClusterRunner
from tests.flink.cluster import poll
from tests.pubsub.emulator import attached
from tests.pubsub.project import Project

#: Messages of one publish request.
_BATCH: Final = 500
#: The last checkpoints are of a time in which nothing comes.
_SECONDS_AFTER: Final = 30


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=150_000)
    parser.add_argument("--rate", type=int, default=2_000, help="records a second")
    arguments = parser.parse_args()
    with attached(build()) as host:
        os.environ[HOST] = host
        measure(arguments.records, arguments.rate)


def measure(records: int, rate: int) -> None:
    """Prints a line every ten seconds until some time after the last record."""
    addresses = Addresses.read(default_folder())
    project = Project()
    project.topic("events", "events", ack_deadline_seconds=30)
    _submit(addresses, project)
    job = _job(addresses.flink)
    feed = threading.Thread(target=_feed, args=(project, records, rate), daemon=True)
    feed.start()
    started = time.monotonic()
    print(f"{'seconds':>8}{'checkpoints':>12}{'bytes':>12}{'written':>12}{'ms':>8}")
    try:
        while time.monotonic() < started + records / rate + _SECONDS_AFTER:
            time.sleep(10)
            last = _ask(addresses.flink, f"jobs/{job}/checkpoints")
            done = last["latest"]["completed"] or {}
            row = [done.get(name, 0) for name in ("state_size", "checkpointed_size", "end_to_end_duration")]
            count, passed = last["counts"]["completed"], time.monotonic() - started
            print(f"{passed:>8.0f}{count:>12}{row[0]:>12,}{row[1]:>12,}{row[2]:>8}", flush=True)
    finally:
        _ask(addresses.flink, f"jobs/{job}?mode=cancel", "PATCH")
        project.close()


def _submit(addresses: Addresses, project: Project) -> None:
    arguments = list(map(str, flink_settings(addresses.job_endpoint, environment={HOST: os.environ[HOST]})))
    pipeline = beam.Pipeline(runner=FlinkClusterRunner(), options=PipelineOptions(arguments))
    address = PubsubAddress.parse(f"{project.url('subscriptions', 'events')}?max_outstanding=100000", "--events")
    pipeline | "ReadPubsub" >> ReadPubsub(address) | "Count" >> beam.Map(len_of)
    pipeline.run()


def len_of(chunk: Any) -> int:
    """Something to do with a chunk."""
    return len(chunk.messages)


def _feed(project: Project, records: int, rate: int) -> None:
    started = time.monotonic()
    path = project.path("topics", "events")
    for first in range(0, records, _BATCH):
        now = time.time_ns() // 1_000_000
        message = {"data": b'{"event_id": "e"}', "attributes": {"occurred_at": str(now)}}
        project.publisher.api.publish(topic=path, messages=[message] * min(_BATCH, records - first))
        time.sleep(max(0.0, started + first / rate - time.monotonic()))


def _job(flink: str) -> str:
    def found() -> str | None:
        jobs = _ask(flink, "jobs/overview")["jobs"]
        return next((str(job["jid"]) for job in jobs if job["state"] in ("CREATED", "RUNNING", "INITIALIZING")), None)

    return poll("the job to appear", found, 60)


def _ask(flink: str, path: str, method: str = "GET") -> Any:
    with urllib.request.urlopen(urllib.request.Request(f"{flink}/{path}", method=method), timeout=10) as answer:
        return json.load(answer)


if __name__ == "__main__":
    main()
