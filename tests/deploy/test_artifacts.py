"""What was staged for a job goes when no job can need it any more."""

import os
from pathlib import Path

import pytest

from deploy.local.artifacts import STAGING_SECONDS, clean_artifacts

STAGED = 1_000_000.0
LONG_AFTER = STAGED + STAGING_SECONDS


@pytest.mark.parametrize(
    ("starts", "now", "staging", "stays"),
    [
        pytest.param([], LONG_AFTER, True, False, id="its job is over"),
        pytest.param([STAGED + 60], LONG_AFTER, True, True, id="its job runs"),
        pytest.param([STAGED], LONG_AFTER, True, True, id="its job started at once"),
        pytest.param([STAGED - 1], LONG_AFTER, True, False, id="only an older job runs"),
        pytest.param([LONG_AFTER], LONG_AFTER, True, False, id="only a younger job runs"),
        pytest.param([], LONG_AFTER - 1, True, True, id="its job may be on its way"),
        pytest.param([], LONG_AFTER - 1, False, False, id="its job server is gone"),
    ],
)
def test_staged_files(tmp_path: Path, starts: list[float], now: float, staging: bool, stays: bool) -> None:
    staged = tmp_path / "e4b8947a"
    staged.mkdir()
    (staged / "a.jar").write_text("")
    os.utime(staged, (STAGED, STAGED))
    clean_artifacts(tmp_path, starts, now, staging)
    assert staged.exists() == stays


def test_nothing_was_ever_staged(tmp_path: Path) -> None:
    clean_artifacts(tmp_path / "none", [], STAGED, staging=True)
