"""Opens the database of the profile store: which URLs there are, and how each database is set up."""

import sqlite3
from pathlib import Path
from typing import Any, Final

from sqlalchemy import URL, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError

from pipeline.stores.store import StoreError

#: Seconds to wait for another writer.
_PATIENCE: Final = 60
#: Page cache of a connection, KiB: change ids are hashes, so history writes all over its index.
_CACHE: Final = 64 * 1024


def open_engine(url: str, option: str) -> Engine:
    """An engine for ``url``; of a SQLite file, the folders above it are created.

    Raises:
        StoreError: the URL names no store that is known here, or its folder can't be created.
    """
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        # The URL itself may hold a password, so the message does not.
        raise StoreError(f"{option}: expected a URL such as sqlite:///out/profiles.db") from None
    if parsed.drivername != "sqlite":
        raise StoreError(f"{option}: there is no store for {parsed.drivername}://; write sqlite:///FILE")
    return _open_sqlite(parsed, option)


def _open_sqlite(url: URL, option: str) -> Engine:
    if not url.database or url.database == ":memory:":
        raise StoreError(f"{option}: {url} names no file; write sqlite:///FILE, or sqlite:////FILE from the root")
    try:
        Path(url.database).parent.mkdir(parents=True, exist_ok=True)
    except (OSError, ValueError) as error:
        raise StoreError(f"{option}: can't create the folder of {url.database}: {error}") from error
    # Without parameters in errors and logs: they are personal.
    engine = create_engine(url, connect_args={"timeout": _PATIENCE}, hide_parameters=True)
    event.listen(engine, "connect", _set_up_sqlite)
    return engine


def _set_up_sqlite(connection: sqlite3.Connection, _record: Any) -> None:
    # WAL lets readers go on beside the writer; FULL syncs each commit, so that a committed batch survives a power cut.
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute(f"PRAGMA cache_size = -{_CACHE}")
