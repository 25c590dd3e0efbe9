"""Our source against the bare client library, in one run: ``python -m tests.bench.pubsub.source``.

Both read the same messages from the same emulator and acknowledge all of them. The library does so in the two ways that
its documentation has: a callback for each message of a streaming pull, and unary pulls on as many threads as our source
has; it does nothing with a message but count it. Ours makes chunks of them, and their event times, within the time that
is measured; its bundles are finalized as Prism does it. Each is measured after a warm-up, by turns.
"""

import os
import statistics
import threading
import time
from collections.abc import Callable
from typing import Final

from google.cloud import pubsub_v1

from deploy.pubsub_emulator.building import build
from deploy.pubsub_emulator.running import HOST
from pipeline.io.pubsub.address import PubsubAddress
from pipeline.io.pubsub.messages import chunks_of_messages
from pipeline.io.pubsub.publisher import TopicPublisher
from pipeline.io.pubsub.reader import PULLERS, Position, SubscriptionReader
from tests.pubsub.emulator import attached
from tests.pubsub.project import Project

_TURNS: Final = 3
_MESSAGES: Final = 60_000
#: Bytes of a message: an event of this project's simulator as JSON.
_SIZE: Final = 330


def main() -> None:
    """Prints a line a way to read: messages a second, and our source's rate against it."""
    ways: dict[str, Callable[[Project, str], float]] = {
        "library, streaming pull": stream,
        "library, unary pulls": pull,
        "source": read,
    }
    rates: dict[str, list[float]] = {name: [] for name in ways}
    with attached(build()) as host:
        os.environ[HOST] = host
        for turn in range(_TURNS + 1):
            for name, way in ways.items():
                project = Project()
                fill(project)
                seconds = way(project, "events")
                if turn:
                    rates[name].append(_MESSAGES / seconds)
                project.close()
    ours = statistics.median(rates["source"])
    print("| | messages a second | source against it |\n|---|---|---|")
    for name, found in rates.items():
        print(f"| {name} | {statistics.median(found):,.0f} | {ours / statistics.median(found):.2f} |")


def fill(project: Project) -> None:
    """A subscription that has all messages."""
    topic = project.topic("events", "events", ack_deadline_seconds=60)
    publisher = TopicPublisher(PubsubAddress.parse(topic, "--to", reads=False))
    for number in range(_MESSAGES):
        attributes = {"occurred_at": str(1_770_000_000_000 + number), "content-type": "application/json"}
        publisher.send(b'{"n": %d, "pad": "%s"}' % (number, b"x" * (_SIZE - 24)), attributes=attributes)
    publisher.flush()
    publisher.close()


def stream(project: Project, name: str) -> float:
    """The library's way for whoever takes messages one by one. Like the others, tells seconds, without the end."""
    began = time.perf_counter()
    done = threading.Event()
    count = 0

    def take(message: pubsub_v1.subscriber.message.Message) -> None:
        nonlocal count
        message.ack()
        count += 1
        if count >= _MESSAGES:
            done.set()

    flow = pubsub_v1.types.FlowControl(max_messages=10_000)
    future = pubsub_v1.SubscriberClient().subscribe(project.path("subscriptions", name), take, flow_control=flow)
    done.wait(120)
    seconds = time.perf_counter() - began
    future.cancel()
    future.result()
    return seconds


def pull(project: Project, name: str) -> float:
    """The library's way for whoever takes many at once."""
    began = time.perf_counter()
    path, taken = project.path("subscriptions", name), threading.Semaphore(0)
    client = project.subscriber
    counts = [0] * PULLERS

    def take(number: int) -> None:
        while sum(counts) < _MESSAGES:
            request = {"subscription": path, "max_messages": 1_000, "return_immediately": True}
            received = client.pull(request=request, retry=None).received_messages
            if received:
                client.acknowledge(subscription=path, ack_ids=[each.ack_id for each in received])
            counts[number] += sum(1 for each in received if each.message.data)
        taken.release()

    for number in range(PULLERS):
        threading.Thread(target=take, args=(number,), daemon=True).start()
    for _ in range(PULLERS):
        taken.acquire()
    return time.perf_counter() - began


def read(project: Project, name: str) -> float:
    """Our source's bundles, without a runner."""
    began = time.perf_counter()
    url = f"{project.url('subscriptions', name)}?max_outstanding={_MESSAGES}"
    reader = SubscriptionReader(PubsubAddress.parse(url, "--events"))
    position, count = Position("", 0), 0
    try:
        while count < _MESSAGES or reader._leases.messages:
            position = reader.begin(position, 0)
            batches = reader.take(position, 0.05, 0.0)
            ids = [each for batch in batches for each in batch.ids]
            values = [each for batch in batches for each in batch.values]
            count += sum(len(chunk.messages or ()) for chunk in chunks_of_messages(name, ids, values))
            reader.finalized(position)
        return time.perf_counter() - began
    finally:
        reader.close()


if __name__ == "__main__":
    main()
