"""A late event, from Kafka through Flink to the topic of audit records."""

import json
from collections.abc import Callable
from pathlib import Path

from pipeline.runners.flink.operations import status
from pipeline.runners.flink.rest import FlinkRest
from pipeline.streams.tail import TailOptions, tail
from segmentation.units import HOUR, MINUTE, SECOND
from tests.acceptance.running import write_log
from tests.flink.cluster import Cluster, poll
from tests.flink.feeding import feed
from tests.flink.jobs import arguments_of, running
from tests.flink.logs import finish, records, whole
from tests.flink.topics import Topics, records_in

RULES = Path(__file__).parents[2] / "examples" / "rules.yaml"
START = 1_767_225_600 * SECOND


def test_late_event_is_told_with_the_tick_from_which_it_counts(
    stack: Cluster, make_topics: Callable[..., Topics], tmp_path: Path
) -> None:
    topics = make_topics(1)
    audit = topics.url(f"{topics.changes}-audit")

    def click(number: int, at: int) -> dict[str, object]:
        return {"event_id": f"c{number}", "user_id": "u", "name": "feature_click", "occurred_at": START + at}

    on_time = whole(write_log(tmp_path / "on_time.jsonl", (click(n, n * MINUTE) for n in range(120))))
    late = whole(write_log(tmp_path / "late.jsonl", [click(1_000, HOUR // 2), click(1_001, 2 * HOUR)]))
    with running(stack, arguments_of(RULES, topics, "--audit", audit)) as job:
        feed(stack.kafka, topics.events, records(on_time, 1))
        flink, hour = FlinkRest(stack.flink), (START + HOUR) // 1000
        poll("an hour to settle", lambda: (status(flink, job.id).settled_tick or 0) >= hour or None, 120, 1)
        feed(stack.kafka, topics.events, records(late, 1))
        feed(stack.kafka, topics.events, finish(late, 1))
        poll("the audit", lambda: records_in(stack.kafka, f"{topics.changes}-audit") or None, 60, 0.5)
    path = tmp_path / "audit.jsonl"
    tail(TailOptions.parse(source=audit, jsonl=str(path), until_idle="1s"), None, [].append)
    (record,) = map(json.loads, path.read_text().splitlines())
    assert record["kind"] == "late_event"
    assert record["event_name"] == "feature_click"
    assert record["occurred_at"] == "2026-01-01T00:30:00.000000Z"
    assert record["counted_at"] == "2026-01-01T02:00:00.000000Z"
