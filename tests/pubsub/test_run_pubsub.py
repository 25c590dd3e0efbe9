"""`make run-pubsub`, on the emulator of these tests."""

import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.prism
@pytest.mark.slow
def test_settled_changes_are_those_of_the_file(pubsub_host: str, prism_location: str) -> None:
    environment = {**os.environ, "PRISM": prism_location}
    done = subprocess.run(
        ["scripts/run_pubsub.sh"], cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=600
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    assert ", 0 differ\n" in done.stdout
