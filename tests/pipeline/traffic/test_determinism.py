"""The seed determines every byte, and nothing else does."""

import hashlib
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.traffic.options import TrafficOptions
from pipeline.traffic.pacing import Pacer
from pipeline.traffic.simulation import generate
from segmentation.units import MINUTE
from tests.pipeline.traffic.logs import FAULTY, Log

SMALL = replace(FAULTY, users=120, days=3)


def digest(options: TrafficOptions, path: Path) -> str:
    generate(options, str(path))
    return hashlib.sha256(path.read_bytes()).hexdigest()


def for_format(ending: str) -> TrafficOptions:
    plain = replace(SMALL, drift=0.0)
    return {".avro": replace(plain, malformed=0.0), ".csv": plain}.get(ending, SMALL)


@pytest.mark.parametrize("ending", [".jsonl", ".jsonl.gz", ".csv", ".avro"])
def test_same_seed_same_bytes(ending: str, tmp_path: Path) -> None:
    options = for_format(ending)
    assert digest(options, tmp_path / f"one{ending}") == digest(options, tmp_path / f"two{ending}")


@pytest.mark.parametrize("ending", [".jsonl", ".jsonl.gz", ".csv", ".avro"])
def test_other_seed_other_bytes(ending: str, tmp_path: Path) -> None:
    options = for_format(ending)
    other = replace(options, seed=options.seed + 1)
    assert digest(options, tmp_path / f"one{ending}") != digest(other, tmp_path / f"two{ending}")


def test_rate_changes_no_byte(tmp_path: Path) -> None:
    paced = replace(SMALL, rate=3000.0)
    generate(paced, str(tmp_path / "paced.jsonl"), pacer=Pacer(3000.0, clock=lambda: 0.0, sleep=lambda _: None))
    generate(SMALL, str(tmp_path / "free.jsonl"))
    assert (tmp_path / "paced.jsonl").read_bytes() == (tmp_path / "free.jsonl").read_bytes()


def test_disorder_permutes_the_lines(clean: Log, tmp_path: Path) -> None:
    generate(replace(clean.options, disorder=10 * MINUTE), str(tmp_path / "shuffled.jsonl"))
    shuffled = (tmp_path / "shuffled.jsonl").read_bytes().splitlines()
    assert shuffled != clean.lines
    assert sorted(shuffled) == sorted(clean.lines)


def test_faults_leave_the_events_as_they_are(clean: Log, faulty: Log) -> None:
    def known(log: Log) -> set[tuple[str, str]]:
        return {(event["event_id"], event["user_id"]) for event in log.events}

    assert known(faulty) == known(clean)
    assert faulty.summary.names == clean.summary.names
