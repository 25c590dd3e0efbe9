"""The secrets behind pseudonyms: base64 in the environment, in files that it names, or in Secret Manager. Never
options, never in the job graph."""

import base64
import binascii
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from segmentation.errors import FatalError, UsageError
from segmentation.identity.pseudonyms import Keys
from transforms.keys.secret_manager import SecretError, read_secret

STATE_KEY = "SEGMENTS_STATE_KEY"
PUBLISH_KEY = "SEGMENTS_PSEUDONYM_KEY"
_MINIMUM_BYTES = 16

#: For trials on a laptop only: they are public, so they protect no data.
DEMO_KEYS = Keys(state=b"segments-demo-state-key", publish=b"segments-demo-publish-key")


class SecretKeyError(UsageError):
    """A key is missing, can't be read, or is no key."""


class NoKeyError(FatalError, SecretKeyError):
    """A key is missing or no key. Where it can't be read, since a service doesn't answer, that may pass."""


@dataclass(frozen=True)
class KeySource:
    """Where the keys come from: a part of the job graph, so it names them and never holds one.

    Without the names of two secrets they come from the environment of the process that asks.
    """

    demo: bool = False  #: whether the published demo keys may stand in for missing ones
    state_secret: str | None = None  #: version of a secret, ``projects/…/secrets/…/versions/…``; both or none
    publish_secret: str | None = None

    def load(self) -> Keys:
        """The keys of this process.

        Raises:
            SecretKeyError: a key is missing, can't be read, or is no key.
        """
        if self.state_secret is None or self.publish_secret is None:
            return load_keys(allow_demo=self.demo)
        return Keys(_from_secret(self.state_secret), _from_secret(self.publish_secret))


def load_keys(*, allow_demo: bool, environment: Mapping[str, str] = os.environ) -> Keys:
    """The keys of this process.

    Raises:
        SecretKeyError: neither the variable nor its ``…_FILE`` is set (and demo keys aren't allowed), or it is no
            base64 of at least 16 bytes.
    """
    state, publish = _read(STATE_KEY, environment), _read(PUBLISH_KEY, environment)
    if state is None and publish is None and allow_demo:
        return DEMO_KEYS
    return Keys(_required(STATE_KEY, state), _required(PUBLISH_KEY, publish))


def _required(name: str, key: bytes | None) -> bytes:
    if key is None:
        raise NoKeyError(
            f"{name} is not set; give it (or {name}_FILE) at least {_MINIMUM_BYTES} random bytes in base64"
        )
    return key


def uses_demo_keys(environment: Mapping[str, str] = os.environ) -> bool:
    """Whether no key is set at all."""
    names = (STATE_KEY, PUBLISH_KEY, STATE_KEY + "_FILE", PUBLISH_KEY + "_FILE")
    return not any(environment.get(name) for name in names)


def _read(name: str, environment: Mapping[str, str]) -> bytes | None:
    text = environment.get(name)
    source = name
    if not text:
        path = environment.get(name + "_FILE")
        if not path:
            return None
        source = name + "_FILE"
        try:
            text = Path(path).read_text(encoding="ascii")
        except OSError as error:
            raise SecretKeyError(f"{source}: {error}") from error
        except UnicodeDecodeError as error:
            raise NoKeyError(f"{source}: {error}") from error
    return _decoded(text, source)


def _from_secret(name: str) -> bytes:
    try:
        text = read_secret(name).decode("ascii")
    except SecretError as error:
        raise SecretKeyError(str(error)) from error
    except UnicodeDecodeError as error:
        raise NoKeyError(f"{name} is not base64") from error
    return _decoded(text, name)


def _decoded(text: str, source: str) -> bytes:
    try:
        key = base64.b64decode(text.strip(), validate=True)
    except binascii.Error as error:
        raise NoKeyError(f"{source} is not base64: {error}") from error
    if len(key) < _MINIMUM_BYTES:
        raise NoKeyError(f"{source} holds {len(key)} bytes; it needs at least {_MINIMUM_BYTES}")
    return key
