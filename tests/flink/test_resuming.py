"""Resumed with other rules, keys, mapping or options: the job fails within seconds, says why, and puts nothing out."""

import base64
import json
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipeline.runners.flink.options import worker_command
from tests.acceptance.running import ENVIRONMENT
from tests.flink.cluster import Cluster, poll
from tests.flink.feeding import feed
from tests.flink.jobs import arguments_of, running, segments, submit
from tests.flink.judging import assert_exact, expected_of
from tests.flink.logs import finish, malformed, records, simulate
from tests.flink.reading import Reader
from tests.flink.topics import Topics, records_in
from transforms.keys.sources import PUBLISH_KEY, STATE_KEY

RULES = (Path(__file__).parents[2] / "examples" / "rules.yaml").read_text(encoding="utf-8")
#: The last of its segments.
AT_RISK = RULES[RULES.index("  # Signed up, did not finish") :]
USED = 2
OTHER_KEY = base64.b64encode(b"another key, of 32 bytes or more").decode()
MAPPING = """
format: json
columns: {event_id: id, user_id: who, name: {constant: visit}, occurred_at: {column: at, unit: s}}
"""
OTHER_LAYOUT = "import transforms.state.shard_state as state\nstate.LAYOUT = 99\n"
#: Seconds after which a job that can't go on has ended, on a machine that others use too.
PATIENCE = 180
#: Jobs that are started at the same time.
AT_ONCE = 3


@dataclass(frozen=True)
class Other:
    """How the job differs that is to go on, and what it says of that."""

    told: str
    edits: tuple[tuple[str, str], ...] = ()
    options: tuple[str, ...] = ()
    environment: dict[str, str] = field(default_factory=dict)
    mapping: bool = False
    layout: bool = False


CASES = {
    "weight": Other(r"feature engagement weights\.page_view 1 → 5;", (("page_view: 1", "page_view: 5"),)),
    "window": Other(
        r"feature engagement window 7d → 6d, feature sessions window 7d → 6d;", (("window: 7d", "window: 6d"),)
    ),
    "feature added": Other(
        r"feature again not there → there;", (("segments:", "  again: {kind: recency}\nsegments:"),)
    ),
    "feature removed": Other(
        r"feature last_seen there → not there, segment at_risk there → not there;",
        (("  last_seen:", "  #"), (AT_RISK, "")),
    ),
    "segment changed": Other(
        r"segment power_user when .*80.* → .*85;", (("percentile(engagement) >= 80", "percentile(engagement) >= 85"),)
    ),
    "segment added": Other(
        r"segment few not there → there;", (("segments:", "segments:\n  few: {when: engagement = 1}"),)
    ),
    "segment removed": Other(r"segment at_risk there → not there;", ((AT_RISK, ""),)),
    "tick": Other(r"tick 1h → 30m;", (("tick: 1h", "tick: 30m"),)),
    "state key": Other(r"the state key is another one;", environment={STATE_KEY: OTHER_KEY}),
    "pseudonym key": Other(
        r"the pseudonym key is another one;.*--new-pseudonym-key", environment={PUBLISH_KEY: OTHER_KEY}
    ),
    "mapping": Other(r"--mapping none → there;", mapping=True),
    "layout": Other(r"layout \d+ → 99;", layout=True),
    "fewer shards": Other(r"--shards 4 → 3;.*segments state export", options=("--shards", "3")),
    "more shards": Other(r"(--shards 4 → 5;|there is none of shard 4;.*--shards)", options=("--shards", "5")),
    "disorder": Other(r"--max-disorder 30s → 20s;", options=("--max-disorder", "20s")),
}


def test_what_a_state_was_not_made_with_ends_the_job(
    stack: Cluster,
    make_topics: Callable[..., Topics],
    tmp_path: Path,
    record_property: Callable[[str, object], None],
) -> None:
    log = simulate(tmp_path / "events.jsonl", users=60, days=7, seed=11)
    topics = make_topics(USED)
    rules = tmp_path / "rules.yaml"
    rules.write_text(RULES, encoding="utf-8")
    arguments = [*arguments_of(rules, topics, "--shards", 4, query="idle=10m"), "--audit", audit_of(topics)]
    expected = expected_of(rules, log)
    fed = list(records(log, USED))
    half = len(fed) // 2
    with running(stack, arguments) as job, Reader(stack.kafka, topics.changes) as reader:
        feed(stack.kafka, topics.events, fed[:half])
        reader.take_until("any settled change", lambda: bool(reader.settled_ids), 240)
        savepoint = str(job.stop_with_savepoint())
    feed(stack.kafka, topics.events, fed[half:])
    assert malformed(log) > 0, "another mapping would make dead letters anyway, the same one should too"
    written = counts(stack, topics)
    resumed = [*arguments, "--from-savepoint", savepoint]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        ends = {name: pool.submit(refused, stack, resumed, name, tmp_path) for name in CASES}
        seconds = {name: end.result() for name, end in ends.items()}
    record_property("seconds from start to end of refused jobs", seconds)
    assert max(seconds.values()) < PATIENCE, seconds
    detached(stack, [*resumed, "--shards", "6"])
    assert counts(stack, topics) == written
    # The job that fits goes on from where the state is, as if nothing had happened.
    feed(stack.kafka, topics.events, finish(log, USED))
    ids = {change.change_id for change in expected}
    with running(stack, resumed), Reader(stack.kafka, topics.changes) as reader:
        reader.take_until("all settled changes", lambda: reader.settled_ids >= ids, 300)
        reader.take_rest()
        assert_exact(reader.changes, expected)


def refused(stack: Cluster, arguments: list[str], name: str, folder: Path) -> float:
    """A job that can't go on, told to the end; how many seconds Flink had it."""
    other, job_name = CASES[name], f"segments-{name.replace(' ', '-')}"
    options = [*changed(arguments, other, folder / job_name), "--job_name", job_name]
    done = segments(stack, *options, seconds=600)
    [job] = [job for job in stack.rest("jobs/overview")["jobs"] if job["name"] == job_name]
    said = f"{name}: {done}"
    assert done.code == 1, said
    assert re.search(f"this job can't go on from its state: .*{other.told}", done.err), said
    assert "restarts" not in done.err, said
    assert not [secret for secret in (OTHER_KEY, *ENVIRONMENT.values()) if secret in done.err], said
    assert_failed_at_once(stack, job["jid"])
    return float(job["duration"] / 1000)


def changed(arguments: list[str], other: Other, folder: Path) -> list[str]:
    """The arguments of the other job, and its files."""
    folder.mkdir()
    text = RULES
    for old, new in other.edits:
        assert old in text, old
        text = text.replace(old, new)
    (folder / "rules.yaml").write_text(text, encoding="utf-8")
    found = [*arguments, *other.options]
    found[found.index("--rules") + 1] = str(folder / "rules.yaml")
    if other.mapping:
        (folder / "mapping.yaml").write_text(MAPPING, encoding="utf-8")
        found += ["--mapping", str(folder / "mapping.yaml")]
    if other.layout:
        (folder / "sitecustomize.py").write_text(OTHER_LAYOUT, encoding="utf-8")
    if other.layout or other.environment:
        # The workers' own: a cluster's have their keys from there.
        environment = {**ENVIRONMENT, **other.environment, "PYTHONPATH": str(folder)}
        found.append(f"--environment_config={json.dumps({'command': worker_command(), 'env': environment})}")
    return found


def detached(stack: Cluster, arguments: list[str]) -> None:
    """Nobody follows the job: it ends by itself, and `segments status` says why."""
    job = submit(stack, arguments)
    assert job.wait_for_end(PATIENCE) == "FAILED"
    assert_failed_at_once(stack, job.id)
    said = segments(stack, "status", "--job", job.id)
    assert "--shards" in said.out, said


def assert_failed_at_once(stack: Cluster, job: str) -> None:
    found = poll("the job to have ended", lambda: ended(stack, job), 10)
    assert found["state"] == "FAILED"
    for vertex in found["vertices"]:
        tasks = stack.rest(f"jobs/{job}/vertices/{vertex['id']}")["subtasks"]
        assert {task["attempt"] for task in tasks} == {0}, "the job was restarted"


def ended(stack: Cluster, job: str) -> dict[str, Any] | None:
    found: dict[str, Any] = stack.rest(f"jobs/{job}")
    return found if found["state"] in ("FAILED", "CANCELED", "FINISHED") else None


def audit_of(topics: Topics) -> str:
    return topics.url(f"{topics.changes}-audit")


def counts(stack: Cluster, topics: Topics) -> dict[str, int]:
    """Records in every topic that the job writes."""
    names = (topics.changes, topics.dead_letters, f"{topics.changes}-audit")
    return {name: records_in(stack.kafka, name) for name in names}
