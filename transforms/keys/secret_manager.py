"""Secrets that Google Cloud's Secret Manager keeps, read by those who may: a worker's service account."""

import functools
import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from google.cloud.secretmanager_v1 import SecretManagerServiceClient

#: A numbered version: workers that start at different times have to read the same secret.
_VERSION: Final = re.compile(r"projects/[^/\s]+/(locations/[^/\s]+/)?secrets/[\w-]{1,255}/versions/[1-9][0-9]*")
SHAPE: Final = "projects/PROJECT/secrets/NAME/versions/NUMBER"


class SecretError(Exception):
    """A secret can't be read."""


def is_secret_version(name: str) -> bool:
    """Whether ``name`` is that of one certain version of a secret, which ``latest`` is not."""
    return _VERSION.fullmatch(name) is not None


@functools.cache
def read_secret(name: str) -> bytes:
    """What the version of a secret holds; asked for once a process.

    Raises:
        SecretError: the service refuses, doesn't answer within about a minute, or the answer is damaged.
    """
    import google_crc32c
    from google.api_core.exceptions import GoogleAPICallError, RetryError
    from google.auth.exceptions import GoogleAuthError

    try:
        payload = client().access_secret_version(name=name).payload
    except (GoogleAPICallError, RetryError, GoogleAuthError) as error:
        raise SecretError(f"{name}: {type(error).__name__}: {error}") from error
    if payload.data_crc32c != google_crc32c.value(payload.data):
        raise SecretError(f"{name}: what came is not what was sent; its checksum differs")
    return payload.data


def client() -> "SecretManagerServiceClient":
    """A client that goes by the application default credentials."""
    from google.cloud.secretmanager_v1 import SecretManagerServiceClient

    return SecretManagerServiceClient()
