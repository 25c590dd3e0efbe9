"""``manifest.json``: what a folder of state holds. It is written last, so that a folder without it is not whole.

``{"format": 1, "kind": "exported" | "imported", "origin": PLACE, "shards": n, "layout": n, "files": [NAME, …]}``. A
shard of the second stage that nothing has reached yet has no file.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final, Literal, TypeAlias

from transforms.state.containers import FORMAT, StateFilesError
from transforms.state.state_folder import ASSIGN, TRACK, StateFolder, file_of

MANIFEST: Final = "manifest.json"
#: As a job left it, or as a job can start from it.
Kind: TypeAlias = Literal["exported", "imported"]


@dataclass(frozen=True)
class Manifest:
    """What a folder of state holds.

    >>> Manifest("exported", "file:/savepoints/1", shards=4, layout=5, files=("track-00000.cells",)).shards
    4
    """

    kind: Kind
    #: Where it came from: for people.
    origin: str
    shards: int
    #: The layout of the cells (`transforms.state.shard_state`).
    layout: int
    files: tuple[str, ...]

    def write(self, folder: StateFolder) -> None:
        """Make a folder whole."""
        folder.write_text(MANIFEST, json.dumps({"format": FORMAT, **asdict(self)}, indent=1) + "\n")

    @classmethod
    def read(cls, folder: StateFolder, kind: Kind) -> "Manifest":
        """Of a folder that is whole.

        Raises:
            StateFilesError: there is none, it can't be used, or it is of the other kind.
        """
        try:
            fields = json.loads(folder.text(MANIFEST))
            version = fields.pop("format")
            found = cls(**{**fields, "files": tuple(fields["files"])})
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise StateFilesError(f"{folder.path(MANIFEST)}: the file is damaged") from error
        if version != FORMAT:
            raise StateFilesError(f"{folder.place}: written in format {version}; this version reads format {FORMAT}")
        if found.kind != kind:
            needed = "`segments state export` writes" if kind == "exported" else "`segments state import` makes of it"
            raise StateFilesError(f"{folder.place}: this is {found.kind} state; what is needed is what {needed}")
        return found

    @classmethod
    def of_export(cls, folder: StateFolder, origin: str) -> "Manifest":
        """Of the files that a job has written, every one of which is read for it.

        Raises:
            StateFilesError: a file is missing or damaged, or they don't belong together.
        """
        files = tuple(name for name in folder.names() if name != MANIFEST)
        heads = {name: head for name in files if (head := _head(folder, name)) is not None}
        if not heads:
            raise StateFilesError(
                f"{folder.place}: the job has written no state there: either the savepoint holds none of a live run, "
                "or this is another folder for the workers than for this command"
            )
        known = {(head["shards"], head["layout"]) for head in heads.values()}
        if len(known) > 1:
            raise StateFilesError(f"{folder.place}: the shards of this state differ in number or layout: {known}")
        [(shards, layout)] = known
        wanted = {file_of(TRACK, shard) for shard in range(shards)}
        allowed = wanted | {file_of(ASSIGN, shard) for shard in range(shards)}
        if not wanted <= set(heads) <= allowed:
            odd = sorted((wanted - set(heads)) | (set(heads) - allowed))
            raise StateFilesError(f"{folder.place}: of {shards} shards these files are missing or too many: {odd[:5]}")
        return cls("exported", origin, shards, layout, files)


def head_fields(head: bytes) -> dict[str, Any]:
    """The fields of a shard's head (`transforms.state.shard_state` has their meaning)."""
    fields: dict[str, Any] = json.loads(head.partition(b"\n")[0])
    return fields


def _head(folder: StateFolder, name: str) -> Mapping[str, Any] | None:
    heads = [value for cell, value in folder.cells(name) if cell.endswith("_head")]
    return head_fields(heads[0]) if heads else None
