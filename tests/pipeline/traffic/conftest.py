"""One clean and one faulty log, shared by the tests of this folder."""

from pathlib import Path

import pytest

from pipeline.traffic.options import TrafficOptions
from pipeline.traffic.simulation import TrafficSummary, generate
from tests.pipeline.traffic.logs import CLEAN, FAULTY, Log


@pytest.fixture(scope="session")
def clean(tmp_path_factory: pytest.TempPathFactory) -> Log:
    return _log(CLEAN, tmp_path_factory.mktemp("clean") / "events.jsonl")


@pytest.fixture(scope="session")
def faulty(tmp_path_factory: pytest.TempPathFactory) -> Log:
    return _log(FAULTY, tmp_path_factory.mktemp("faulty") / "events.jsonl")


def _log(options: TrafficOptions, path: Path) -> Log:
    summary: TrafficSummary = generate(options, str(path))
    return Log(options, path, summary)
