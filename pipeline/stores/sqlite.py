"""A profile store in a SQLite file: ``sqlite:///FILE``."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.io.files.output import check_target
from pipeline.options.errors import OptionError
from pipeline.stores.store import Store

if TYPE_CHECKING:
    from pipeline.stores.profile_store import ProfileStore


@dataclass(frozen=True)
class SqliteStore(Store):
    """See `Store`."""

    address: str
    option: str = "--profiles"

    scheme = "sqlite://"
    is_local = True
    shared = False

    @classmethod
    def parse(cls, url: str, option: str) -> "SqliteStore":
        """The store that ``url``, the value of ``option``, stands for.

        Raises:
            OptionError: it names no file.
        """
        rest = url.removeprefix(cls.scheme)
        if not rest.startswith("/") or rest == "/":
            mend = "write sqlite:///FILE, or sqlite:////FILE from the root"
            raise OptionError(f"{option}: the URL names no file; {mend}")
        return cls(url, option)

    @property
    def url(self) -> str:
        """See `Destination.url`."""
        return self.address

    @property
    def file(self) -> Path:
        """See `Destination.file`."""
        return Path(self._name).resolve()

    @property
    def _name(self) -> str:
        return self.url.removeprefix(f"{self.scheme}/").partition("?")[0]

    def check_writable(self) -> None:
        """See `Destination.check_writable`."""
        check_target(self._name, self.option)

    def open(self) -> "ProfileStore":
        """See `Store.open`."""
        # Databases take a while to import, and few runs need one.
        from pipeline.stores.profile_store import ProfileStore

        return ProfileStore(self.url, self.option)
