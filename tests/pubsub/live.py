"""A live run between a subscription and a topic, under all that can happen to messages: what has to come out."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.acceptance.comparing import Settled
from tests.flink.judging import assert_exact
from tests.flink.logs import Log, malformed, records
from tests.pubsub.feeding import Feeder, Thief, ending, publish
from tests.pubsub.project import Project
from tests.pubsub.proxy import Proxy
from tests.pubsub.reading import Reader

#: Seconds of a lease, the shortest that Pub/Sub knows.
LEASE = 10
#: Seconds for which connections are cut.
OUTAGE = 30
#: Events a second.
RATE = 1_500.0


@dataclass(frozen=True)
class Ends:
    """Topics and subscriptions of one run."""

    project: Project

    @classmethod
    def make(cls, project: Project) -> "Ends":
        project.topic("events", "events", ack_deadline_seconds=LEASE)
        project.topic("changes", "changes", ack_deadline_seconds=60, enable_message_ordering=True)
        project.topic("changes.dead-letters", "letters")
        return cls(project)

    def arguments(self, rules: Path, *options: object) -> list[str]:
        """What ``segments run`` gets for a run between these."""
        places = {
            "--rules": rules,
            "--events": self.project.url("subscriptions", "events"),
            "--changes": self.project.url("topics", "changes"),
            "--max-disorder": "30s",
        }
        return ["run", *(str(text) for place in places.items() for text in place), *map(str, options)]


def go_through(
    ends: Ends, proxy: Proxy, log: Log, expected: list[Settled], strike: Callable[[], None] | None = None
) -> dict[str, object]:
    """Feed a log to a run that goes on behind the proxy, and judge what comes out. Tells what happened meanwhile.

    Some messages are taken away: they come again at once, or when their lease is over. In the middle of the feed
    connections are cut, or else ``strike`` is called.
    """
    ids = {change.change_id for change in expected}
    project, started = ends.project, time.monotonic()
    with Reader(project, "changes") as reader:
        with Feeder(project, "events", records(log, 1), RATE) as feeder, Thief(project, "events") as thief:
            feeder.wait_for(0.4 * len(log.lines))
            if strike is None:
                proxy.cut()
                time.sleep(OUTAGE)  # how long it lasts is what is tested; nothing is waited for
                proxy.heal()
            else:
                strike()
        fed = time.monotonic() - started
        publish(project, "events", ending(log))
        reader.take_until("all settled changes", lambda: reader.settled_ids >= ids, 240)
        done = time.monotonic() - started
        reader.take_rest()
        assert_exact(reader.changes, expected)
        letters = {message.data for message in project.receive("letters", malformed(log))}
        assert len(letters) >= malformed(log) > 0
        assert thief.given_back > 0
        assert thief.kept > 0
    return {
        "events": len(log.lines),
        "given back": thief.given_back,
        "left to come again": thief.kept,
        "fed in": f"{fed:.0f} s",
        "settled in": f"{done:.0f} s",
        "settled changes": len(ids),
        "changes received": reader.count,
    }
