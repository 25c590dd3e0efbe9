"""A run over local files starts sooner: Beam is imported as it is where Google Cloud's clients are not installed.

Beam imports the clients of Cloud Storage, BigQuery, Dataflow and Pub/Sub wherever they can be found, half of its own
time; where they can't, it leaves out what needs them. A run over local files has no use for any of that.
"""

import logging
import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder

from pipeline.runners.importing import imported_once

#: What Beam goes without; modules in them too.
_CLIENTS = ("apitools", "google.cloud")
#: Options with which a run may leave this machine, whatever their values are.
_REMOTE = ("--runner", "--state-key-secret", "--pseudonym-key-secret")


class _NotInstalled(MetaPathFinder):
    """Finds no client, as if there were none."""

    def find_spec(self, fullname: str, *_: object) -> None:
        if fullname.startswith(tuple(f"{client}." for client in _CLIENTS)) or fullname in _CLIENTS:
            raise ModuleNotFoundError(f"{fullname} is left out of a run over local files", name=fullname)


def is_local_run(arguments: Sequence[str]) -> bool:
    """Whether these arguments of ``segments`` are a run on this machine whose places are all files.

    >>> is_local_run(["run", "--events", "log.jsonl", "--profiles", "sqlite:///profiles.db"])
    True
    >>> is_local_run(["run", "--events", "kafka://host:9092/topic"])
    False
    >>> is_local_run(["check", "rules.yaml"])
    False
    """
    if arguments[:1] != ["run"] or "--help" in arguments:
        return False
    places = [text for text in arguments if "://" in text and "sqlite://" not in text]
    return not places and not any(text.startswith(_REMOTE) for text in arguments)


def import_beam_alone() -> None:
    """Imports Beam without the clients. They can be imported afterwards, but Beam does not learn of them any more."""
    finder = _NotInstalled()
    sys.meta_path.insert(0, finder)
    logging.disable()  # Beam warns of what it leaves out
    try:
        with imported_once():
            import apache_beam  # noqa: F401
    finally:
        logging.disable(logging.NOTSET)
        sys.meta_path.remove(finder)
