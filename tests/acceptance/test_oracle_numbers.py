"""What `keep: max` takes for a number: what JSON writes as one, in a text or bare, and nothing else."""

from typing import Any

import pytest

from tests.acceptance.conftest import Settle
from tests.oracle.small import START, event

LARGEST = {"m": {"kind": "attribute", "property": "v", "keep": "max"}}
ANY = {"known": {"when": "m IS NOT NULL"}}


@pytest.mark.parametrize("value", ["5", "-0.5", "1e3", "2E-2", "0", 7, 2.5])
def test_number(outcome: Settle, value: Any) -> None:
    told = outcome(LARGEST, ANY, [event("a", "p", START, v=value)]).told()
    assert told == [("a", "ENTERED", "known", 1)]


@pytest.mark.parametrize("value", ["+5", ".5", "5.", "007", "0x5", "1_000", " 5", "nan", "inf", "", True])
def test_no_number(outcome: Settle, value: Any) -> None:
    assert outcome(LARGEST, ANY, [event("a", "p", START, v=value)]).told() == []
