"""Every kind of profile store, by the beginning of its URL: a new system is entered here, and nowhere else."""

from collections.abc import Mapping
from typing import Final

from pipeline.options.errors import OptionError
from pipeline.stores.sqlite import SqliteStore
from pipeline.stores.store import Store

_STORES: Final[Mapping[str, type[Store]]] = {SqliteStore.scheme: SqliteStore}


def parse_store(option: str, url: str) -> Store:
    """The store that ``url``, the value of ``option``, stands for.

    >>> parse_store("--profiles", "sqlite:///out/profiles.db").url
    'sqlite:///out/profiles.db'

    Raises:
        OptionError: there is no such store.
    """
    name, separator, _ = url.partition("://")
    if not separator:
        raise OptionError(f"{option}: expected a URL such as sqlite:///out/profiles.db")
    kind = _STORES.get(name + separator)
    if kind is None:
        raise OptionError(f"{option}: {name}:// is not available yet; write sqlite:///FILE")
    return kind.parse(url, option)
