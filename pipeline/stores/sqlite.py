"""A profile store in a SQLite file: ``sqlite:///FILE``."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self

from pipeline.io.files.output import check_target
from pipeline.options.errors import OptionError
from pipeline.stores.store import Store, StoreError

if TYPE_CHECKING:
    import sqlite3

    from pipeline.stores.profile_store import ProfileStore

#: Seconds to wait for another writer.
_PATIENCE: Final = 60
#: Page cache of a connection, KiB: change ids are hashes, so history writes all over its index.
_CACHE: Final = 64 * 1024


@dataclass(frozen=True)
class SqliteStore(Store):
    """See `Store`."""

    name: str  #: path of the file
    query: str = ""  #: parameters of the URL, for SQLAlchemy
    option: str = "--profiles"

    scheme = "sqlite://"
    is_local = True
    shared = False

    @classmethod
    def parse(cls, url: str, option: str) -> Self:
        """The store that ``url``, the value of ``option``, stands for.

        Raises:
            OptionError: it names no file.
        """
        path, _, query = url.removeprefix(cls.scheme).partition("?")
        if not path.startswith("/") or path in ("/", "/:memory:"):
            mend = "write sqlite:///FILE, or sqlite:////FILE from the root"
            raise OptionError(f"{option}: the URL names no file; {mend}")
        return cls(path.removeprefix("/"), query, option)

    @property
    def url(self) -> str:
        return f"{self.scheme}/{self.name}"

    @property
    def file(self) -> Path:
        return Path(self.name).resolve()

    def check_writable(self) -> None:
        check_target(self.name, self.option)

    def open(self) -> "ProfileStore":
        """See `Store.open`; the folders above the file are created."""
        # Databases take a while to import, and few runs need one.
        from sqlalchemy import create_engine, event

        from pipeline.stores.profile_store import ProfileStore

        try:
            Path(self.name).parent.mkdir(parents=True, exist_ok=True)
        except (OSError, ValueError) as error:
            raise StoreError(f"{self.option}: can't create the folder of {self.name}: {error}") from error
        url = f"{self.url}?{self.query}" if self.query else self.url
        # Without parameters in errors and logs: they are personal.
        engine = create_engine(url, connect_args={"timeout": _PATIENCE}, hide_parameters=True)
        event.listen(engine, "connect", _set_up)
        return ProfileStore(engine, self.option)


def _set_up(connection: "sqlite3.Connection", _record: Any) -> None:
    # WAL lets readers go on beside the writer; FULL syncs each commit, so that a committed batch survives a power cut.
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute(f"PRAGMA cache_size = -{_CACHE}")
