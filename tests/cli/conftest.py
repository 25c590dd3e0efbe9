"""What the tests of the command line share."""

import pytest

from transforms.keys.sources import PUBLISH_KEY, STATE_KEY


@pytest.fixture(autouse=True)
def no_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment of a trial: whoever runs the tests may have keys set."""
    for name in (STATE_KEY, PUBLISH_KEY):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(f"{name}_FILE", raising=False)
    monkeypatch.delenv("SEGMENTS_VERBOSE", raising=False)
