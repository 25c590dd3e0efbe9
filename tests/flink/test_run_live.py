"""`make run-live`, on the stack of these tests."""

import os
import subprocess
from pathlib import Path

from tests.flink.cluster import Cluster

ROOT = Path(__file__).parents[2]


def test_settled_changes_are_those_of_the_file(stack: Cluster) -> None:
    environment = {**os.environ, "SEGMENTS_STACK": str(stack.folder), "KEEP": "1"}
    done = subprocess.run(
        ["scripts/run_live.sh"], cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=600
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    assert ", 0 differ\n" in done.stdout
