"""`--state-key-secret` and `--pseudonym-key-secret`: names of secrets instead of keys in the environment."""

import base64
from pathlib import Path

import pytest

from tests.cli.commands import EVENTS, lines, run, run_lines, write
from tests.transforms.secret_manager_fake import secret_manager
from transforms.keys import secret_manager as product
from transforms.keys.secret_manager import read_secret
from transforms.keys.sources import PUBLISH_KEY, STATE_KEY

STATE, PUBLISH = (f"projects/a-project/secrets/{name}/versions/3" for name in ("state-key", "pseudonym-key"))
KEYS = [base64.b64encode(key) for key in (b"sixteen bytes it is", b"another key of some bytes")]
OPTIONS = ("--state-key-secret", STATE, "--pseudonym-key-secret", PUBLISH)


def test_run_is_that_with_the_keys_in_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read_secret.cache_clear()
    with secret_manager(dict(zip((STATE, PUBLISH), KEYS, strict=True))) as fake:
        monkeypatch.setattr(product, "client", fake.client)
        secret = run_lines(tmp_path / "secret", lines(EVENTS), *OPTIONS)
    read_secret.cache_clear()
    for name, key in zip((STATE_KEY, PUBLISH_KEY), KEYS, strict=True):
        monkeypatch.setenv(name, key.decode())
    assert secret.changes == run_lines(tmp_path / "environment", lines(EVENTS)).changes
    assert secret.outcome.err == ""


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (OPTIONS[:2], "--pseudonym-key-secret: missing"),
        (OPTIONS[2:], "--state-key-secret: missing"),
        ((*OPTIONS[:3], PUBLISH.replace("/3", "/latest")), "--pseudonym-key-secret: expected projects/PROJECT/secrets"),
    ],
)
def test_names_that_can_not_be_used(options: tuple[str, ...], said: str, tmp_path: Path) -> None:
    done = run(tmp_path, write(tmp_path / "events.jsonl", lines(EVENTS)), *options)
    assert done.outcome.code == 2
    assert said in done.outcome.err
