"""Folders of state as command lines name them."""

from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.options.errors import OptionError

if TYPE_CHECKING:
    from transforms.state.state_folder import StateFolder


def absolute(place: str) -> str:
    """What an option names as workers, who run elsewhere, have to know it: a URL, or a path from the root on."""
    return place if "://" in place else str(Path(place).absolute())


def check_empty(option: str, folder: "StateFolder") -> None:
    """Refuse a folder in which something lies already.

    Raises:
        OptionError: there are files in it.
        StateFilesError: it can't be looked at.
    """
    found = folder.names()
    if found:
        raise OptionError(f"{option}: {folder.place} holds {found[0]} already; name a new or an empty folder")
