"""`segments run` on Prism between a subscription and a topic: exact, whatever happens to messages and connections."""

import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from deploy.pubsub_emulator.running import HOST
from tests.flink.judging import expected_of
from tests.flink.logs import simulate
from tests.pubsub.live import Ends, go_through
from tests.pubsub.project import Project
from tests.pubsub.proxy import Proxy
from tests.pubsub.running import running

RULES = Path(__file__).parents[2] / "examples" / "rules.yaml"


@pytest.mark.prism
@pytest.mark.slow
def test_changes_are_exact_whatever_happens_to_messages(
    pubsub: Project,
    prism_location: str,
    tmp_path: Path,
    record_property: Callable[[str, object], None],
) -> None:
    log = simulate(tmp_path / "events.jsonl", users=8_000, days=2, seed=11, most=50_000)
    assert len(log.lines) == 50_000
    expected = expected_of(RULES, log)
    ends = Ends.make(pubsub)
    output = tmp_path / "run.log"
    with Proxy(os.environ[HOST]) as proxy:
        arguments = ends.arguments(RULES, "--runner", "prism", f"--prism_location={prism_location}")
        with running(arguments, {HOST: proxy.host}, output) as process:
            told = go_through(ends, proxy, log, expected)
            assert process.poll() is None, output.read_text()
    assert process.returncode == 128 + signal.SIGINT, output.read_text()
    assert output.read_text().splitlines()[-1] == "interrupted"
    for name, value in told.items():
        record_property(name, value)
