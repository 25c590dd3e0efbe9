"""Keys from Secret Manager: the real client against a fake service on this machine."""

import base64
import pickle
from collections.abc import Iterator

import grpc
import pytest

from tests.transforms.secret_manager_fake import SecretManagerFake, secret_manager
from transforms.keys import secret_manager as product
from transforms.keys.secret_manager import is_secret_version, read_secret
from transforms.keys.sources import KeySource, SecretKeyError

STATE, PUBLISH = (f"projects/a-project/secrets/{name}/versions/3" for name in ("state-key", "pseudonym-key"))
A, B = b"sixteen bytes: A", b"sixteen bytes: B"
SOURCE = KeySource(state_secret=STATE, publish_secret=PUBLISH)


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> Iterator[SecretManagerFake]:
    read_secret.cache_clear()
    with secret_manager({STATE: base64.b64encode(A) + b"\n", PUBLISH: base64.b64encode(B)}) as service:
        monkeypatch.setattr(product, "client", service.client)
        yield service
    read_secret.cache_clear()


def test_keys_come_from_the_named_versions(fake: SecretManagerFake) -> None:
    keys = SOURCE.load()
    assert (keys.state, keys.publish) == (A, B)


def test_each_is_asked_for_once_a_process(fake: SecretManagerFake) -> None:
    for _ in range(3):
        SOURCE.load()
    assert fake.asked == [STATE, PUBLISH]


def test_environment_does_not_stand_in(fake: SecretManagerFake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEGMENTS_STATE_KEY", base64.b64encode(b"another key of 22 bytes").decode())
    assert SOURCE.load().state == A


def test_job_graph_has_the_names_and_no_key(fake: SecretManagerFake) -> None:
    SOURCE.load()
    pickled = pickle.dumps(SOURCE)
    assert STATE.encode() in pickled
    assert not [key for key in (A, B, base64.b64encode(A), base64.b64encode(B)) if key in pickled]


@pytest.mark.parametrize("code", [grpc.StatusCode.PERMISSION_DENIED, grpc.StatusCode.FAILED_PRECONDITION])
def test_refusal_names_the_secret(fake: SecretManagerFake, code: grpc.StatusCode) -> None:
    fake.refused[PUBLISH] = code
    with pytest.raises(SecretKeyError, match=f"{PUBLISH}: .*{code.name.lower()} says the fake"):
        SOURCE.load()


def test_missing_version_is_an_error(fake: SecretManagerFake) -> None:
    with pytest.raises(SecretKeyError, match="versions/4: NotFound"):
        KeySource(state_secret=STATE.replace("/3", "/4"), publish_secret=PUBLISH).load()


def test_service_that_is_away_for_a_moment_is_asked_again(fake: SecretManagerFake) -> None:
    fake.refused[STATE] = grpc.StatusCode.UNAVAILABLE
    assert SOURCE.load().state == A
    assert fake.asked == [STATE, STATE, PUBLISH]


def test_failure_is_not_remembered(fake: SecretManagerFake) -> None:
    fake.refused[STATE] = grpc.StatusCode.PERMISSION_DENIED
    with pytest.raises(SecretKeyError):
        SOURCE.load()
    del fake.refused[STATE]
    assert SOURCE.load().state == A


def test_damaged_answer_is_an_error(fake: SecretManagerFake) -> None:
    fake.damaged = True
    with pytest.raises(SecretKeyError, match="checksum differs"):
        SOURCE.load()


@pytest.mark.parametrize("data", [b"no base64 at all", b"\xff\xfe" * 20, base64.b64encode(b"short")])
def test_secret_that_is_no_key_is_an_error_without_its_text(fake: SecretManagerFake, data: bytes) -> None:
    fake.secrets[STATE] = data
    with pytest.raises(SecretKeyError, match=STATE) as raised:
        SOURCE.load()
    assert str(data) not in str(raised.value)


@pytest.mark.parametrize("version", ["3", "12", "100"])
def test_numbered_version(version: str) -> None:
    assert is_secret_version(f"projects/123/secrets/state-key/versions/{version}")
    assert is_secret_version(f"projects/a-project/locations/europe-west1/secrets/state-key/versions/{version}")


@pytest.mark.parametrize("end", ["versions/latest", "versions/0", "versions/", "versions/3/", "", "versions/3x"])
def test_anything_else_is_no_version(end: str) -> None:
    assert not is_secret_version(f"projects/a-project/secrets/state-key/{end}")
