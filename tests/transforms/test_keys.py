"""Where keys come from."""

import base64
from pathlib import Path

import pytest

from transforms.keys.sources import DEMO_KEYS, PUBLISH_KEY, STATE_KEY, SecretKeyError, load_keys, uses_demo_keys

A, B = b"sixteen bytes it is", b"another key of bytes"
TEXT_A, TEXT_B = base64.b64encode(A).decode(), base64.b64encode(B).decode()


def test_keys_of_the_environment() -> None:
    keys = load_keys(allow_demo=False, environment={STATE_KEY: TEXT_A, PUBLISH_KEY: f" {TEXT_B}\n"})
    assert (keys.state, keys.publish) == (A, B)


def test_keys_of_files(tmp_path: Path) -> None:
    (tmp_path / "state").write_text(TEXT_A + "\n")
    keys = load_keys(allow_demo=False, environment={f"{STATE_KEY}_FILE": str(tmp_path / "state"), PUBLISH_KEY: TEXT_B})
    assert (keys.state, keys.publish) == (A, B)


def test_variable_comes_before_its_file() -> None:
    environment = {STATE_KEY: TEXT_A, f"{STATE_KEY}_FILE": "/missing", PUBLISH_KEY: TEXT_B}
    assert load_keys(allow_demo=False, environment=environment).state == A


def test_demo_keys_where_allowed_and_nothing_is_set() -> None:
    assert load_keys(allow_demo=True, environment={}) == DEMO_KEYS
    assert load_keys(allow_demo=True, environment={STATE_KEY: "", PUBLISH_KEY: ""}) == DEMO_KEYS


@pytest.mark.parametrize("allow_demo", [True, False])
def test_one_key_alone_is_never_completed_by_a_demo_key(allow_demo: bool) -> None:
    with pytest.raises(SecretKeyError, match=f"{PUBLISH_KEY} is not set"):
        load_keys(allow_demo=allow_demo, environment={STATE_KEY: TEXT_A})
    with pytest.raises(SecretKeyError, match=f"{STATE_KEY} is not set"):
        load_keys(allow_demo=allow_demo, environment={PUBLISH_KEY: TEXT_A})


def test_no_keys_where_demo_keys_are_not_allowed() -> None:
    with pytest.raises(SecretKeyError, match=f"{STATE_KEY} is not set"):
        load_keys(allow_demo=False, environment={})


@pytest.mark.parametrize(
    ("text", "said"),
    [("not base64!", "is not base64"), (base64.b64encode(b"x" * 15).decode(), "holds 15 bytes; it needs at least 16")],
)
def test_what_is_no_key(text: str, said: str) -> None:
    with pytest.raises(SecretKeyError, match=said) as problem:
        load_keys(allow_demo=True, environment={STATE_KEY: text, PUBLISH_KEY: TEXT_B})
    assert text not in str(problem.value)


def test_sixteen_bytes_are_enough() -> None:
    key = base64.b64encode(b"x" * 16).decode()
    assert load_keys(allow_demo=False, environment={STATE_KEY: key, PUBLISH_KEY: key}).state == b"x" * 16


def test_missing_file_names_the_variable() -> None:
    environment = {f"{STATE_KEY}_FILE": "/missing/key", PUBLISH_KEY: TEXT_B}
    with pytest.raises(SecretKeyError, match=f"{STATE_KEY}_FILE: .*No such file"):
        load_keys(allow_demo=True, environment=environment)


@pytest.mark.parametrize("name", [STATE_KEY, PUBLISH_KEY, f"{STATE_KEY}_FILE", f"{PUBLISH_KEY}_FILE"])
def test_any_key_ends_the_demo(name: str) -> None:
    assert uses_demo_keys({})
    assert not uses_demo_keys({name: "something"})
