"""A reader without a runner: no message is lost, and none comes behind the event time that was told before."""

import os
import time
from collections.abc import Iterator

import pytest

from deploy.pubsub_emulator.running import HOST
from pipeline.io.pubsub.address import PubsubAddress
from pipeline.io.pubsub.held_watermark import BEGINNING
from pipeline.io.pubsub.reader import Position, SubscriptionReader
from tests.flink.logs import Record
from tests.pubsub.feeding import Feeder, Thief
from tests.pubsub.project import Project
from tests.pubsub.proxy import Proxy

#: Event time of the first message, ms; each next one is a second later.
START = 1_767_225_600_000
RATE = 1_000.0


def ordered(count: int) -> Iterator[Record]:
    for number in range(count):
        yield Record(0, None, b'{"n": %d}' % number, START + 1000 * number, 1)


@pytest.mark.slow
def test_no_message_is_lost_or_behind_event_time(pubsub: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    count = 50_000
    pubsub.topic("events", "events", ack_deadline_seconds=10)
    seen: set[bytes] = set()
    position, reached, taken, behind, cut_at = Position("", 0), BEGINNING, 0, 0, 0.0
    with Proxy(os.environ[HOST]) as proxy:
        with monkeypatch.context() as patch:
            patch.setenv(HOST, proxy.host)
            reader = SubscriptionReader(PubsubAddress.parse(pubsub.url("subscriptions", "events"), "--events"))
        deadline = time.monotonic() + 150
        with Feeder(pubsub, "events", ordered(count), RATE) as feeder, Thief(pubsub, "events"):
            while (len(seen) < count or reader._leases.messages) and time.monotonic() < deadline:
                position = reader.begin(position, reached)
                for pulled in reader.take(position, 0.1, 0.0):
                    new = [value for value in pulled.values if value not in seen]
                    taken += len(pulled.values)
                    seen.update(pulled.values)
                    # Copies may come whenever: they count for nothing.
                    times = [START * 1000 + 1_000_000 * int(value[6:-1]) for value in new]
                    behind += sum(at < reached for at in times)
                reached = max(reached, reader.event_time())
                reader.finalized(position)
                if not cut_at and feeder.fed > count / 10:
                    proxy.cut()
                    cut_at = time.monotonic()
                elif cut_at and time.monotonic() > cut_at + 12:
                    proxy.heal()
                    cut_at = float("inf")
        reader.close()
    assert len(seen) == count
    assert behind == 0, f"{behind} of {taken} messages came behind event time"
    assert reached > START * 1000
    assert pubsub.is_empty("events")
