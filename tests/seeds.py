"""Seeds of tests that take long: one in every run, all of them with ``SEGMENTS_SEEDS=all`` (``make test-all``)."""

import os

import pytest

ALL = os.environ.get("SEGMENTS_SEEDS") == "all"


def seeds(first: int, *others: int) -> pytest.MarkDecorator:
    """Parametrizes a test by ``seed``; the others are left out of a run that does not ask for all."""
    left_out = [pytest.param(seed, marks=pytest.mark.further_seed) for seed in others]
    return pytest.mark.parametrize("seed", [first, *left_out])
