"""Our sinks against the bare client library, in one run: ``python -m tests.bench.pubsub.publisher``.

What goes out is the same: messages of the same bytes, keys and attributes, to the same emulator. The sinks make them of
frames and letters within the time that is measured; the library gets them ready-made. Each is measured after a warm-up,
the two by turns.
"""

import os
import statistics
import time
from collections.abc import Callable
from typing import Any, Final

from google.cloud import pubsub_v1
from google.cloud.pubsub_v1.types import BatchSettings, PublisherOptions, PubsubMessage

from deploy.pubsub_emulator.building import build
from deploy.pubsub_emulator.running import HOST
from pipeline.io.pubsub.address import PubsubAddress
from pipeline.io.pubsub.sender import PubsubSender
from pipeline.io.topics.sinks import SendChanges, SendDeadLetters
from schemas.types import DeadLetter
from segmentation.columns.frames import encode_frames
from tests.pipeline.io.changes import consistent_log, frame
from tests.pubsub.emulator import attached
from tests.pubsub.project import Project

_TURNS: Final = 3
#: Requests of the library are full at so many messages; it may also wait 10 ms for more.
_BATCH: Final = BatchSettings(max_messages=1_000, max_bytes=1_000_000, max_latency=0.01)


def main() -> None:
    """Prints a line a case: messages a second of both, and their ratio."""
    with attached(build()) as host:
        os.environ[HOST] = host
        print("| messages | library, a second | sink, a second | ratio |\n|---|---|---|---|")
        for subjects, of_each in ((4_000, 1), (1_000, 5), (100, 100)):
            log = consistent_log([(subject, at) for at in range(of_each) for subject in range(subjects)])
            frames = frame(*log).drop("emitted_at", "trace_context")
            bundle = [encode_frames({}, {"changes": part}) for part in frames.iter_slices(1_000)]
            compare(f"{len(log):,} changes of {subjects:,} subjects", SendChanges, bundle, len(log))
        letters = [DeadLetter("undecodable", "E", "é", "S", "s", at, bytes(300), at) for at in range(10_000)]
        compare("10,000 dead letters", SendDeadLetters, letters, len(letters))


def compare(what: str, step: Callable[[Any], Any], bundle: list[Any], count: int) -> None:
    """Measures one case by turns, and prints it."""
    project = Project()
    project.topic("ready", "ready", enable_message_ordering=True)
    project.topic("measured")
    send_bundle(sink(project, step, "ready"), bundle)
    messages = project.receive("ready", count)
    ours = sink(project, step, "measured")
    library = pubsub_v1.PublisherClient(_BATCH, publisher_options=PublisherOptions(enable_message_ordering=True))
    seconds: dict[str, list[float]] = {"library": [], "sink": []}
    for _ in range(_TURNS + 1):
        seconds["library"].append(timed(lambda: publish(library, project.path("topics", "measured"), messages)))
        seconds["sink"].append(timed(lambda: send_bundle(ours, bundle)))
    rates = {name: count / statistics.median(taken[1:]) for name, taken in seconds.items()}
    ratio = rates["sink"] / rates["library"]
    print(f"| {what} | {rates['library']:,.0f} | {rates['sink']:,.0f} | {ratio:.1f} |", flush=True)
    ours.teardown()
    project.close()


def sink(project: Project, step: Callable[[Any], Any], topic: str) -> Any:
    """The sink as a worker has it, connected."""
    address = PubsubAddress.parse(project.url("topics", topic), "--changes", reads=False)
    made = step(lambda: PubsubSender(address))
    made.setup()
    return made


def send_bundle(step: Any, bundle: list[Any]) -> None:
    """What an engine does with a bundle; returns when all of it is acknowledged."""
    for element in bundle:
        step.process(element)
    step.finish_bundle()


def publish(library: Any, topic: str, messages: list[PubsubMessage]) -> None:
    """What the library's documentation says, and no more; returns when all is acknowledged."""
    sent = [
        library.publish(topic, each.data, ordering_key=each.ordering_key, **dict(each.attributes)) for each in messages
    ]
    for future in sent:
        future.result()


def timed(do: Callable[[], None]) -> float:
    """Seconds that it takes."""
    began = time.perf_counter()
    do()
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
