"""Small text files in Google's Cloud Storage: rules and mappings of a run that starts far from anyone's disk."""

from typing import Final

from pipeline.options.errors import OptionError

_SCHEME: Final = "gs://"


def is_cloud_file(place: str) -> bool:
    """Whether the value of an option names a file in a bucket."""
    return place.startswith(_SCHEME)


def read_cloud_file(place: str, option: str) -> str:
    """What a file holds, read with the application default credentials.

    Args:
        place: ``gs://BUCKET/FILE``.
        option: what errors call it.

    Raises:
        OptionError: it is no such name, can't be read, or is no UTF-8.
    """
    # Takes a second to import, and few runs need it.
    from google.api_core.exceptions import GoogleAPICallError, RetryError
    from google.auth.exceptions import GoogleAuthError
    from google.cloud import storage  # type: ignore[attr-defined, import-untyped, unused-ignore]  # one or the other, by what mypy has cached

    bucket, separator, name = place.removeprefix(_SCHEME).partition("/")
    if not bucket or not separator or not name:
        raise OptionError(f"{option}: expected gs://BUCKET/FILE, found {place!r}")
    try:
        data: bytes = storage.Client().bucket(bucket).blob(name).download_as_bytes()
        return data.decode()
    except (GoogleAPICallError, RetryError, GoogleAuthError, OSError, ValueError) as error:
        raise OptionError(f"{option}: can't read {place}: {type(error).__name__}: {error}") from error
