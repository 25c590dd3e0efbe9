"""Fixtures of the oracle's own tests."""

from functools import partial
from pathlib import Path

import pytest

from tests.oracle.small import Run, make


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Builds an oracle from features, segments and events."""
    return partial(make, tmp_path)
