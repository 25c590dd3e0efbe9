"""Where a shard's state comes from when a job has none of it yet: files that ``segments state import`` has written."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from apache_beam.transforms.userstate import StateSpec

from transforms.state.cells import Cells
from transforms.state.containers import StateFilesError
from transforms.state.errors import ShardStateError
from transforms.state.manifest import Manifest
from transforms.state.shard_state import LAYOUT
from transforms.state.state_folder import StateFolder, file_of


@dataclass(frozen=True)
class StartingState:
    """A folder of imported state, as a stage of a job has it.

    Args:
        place: the folder, which every worker sees.
        shards: how many shards the job has.

    >>> StartingState("gs://bucket/state", shards=16).place
    'gs://bucket/state'
    """

    place: str
    shards: int

    @cached_property
    def manifest(self) -> Manifest:
        """What is in the folder.

        Raises:
            StateFilesError: it is no folder of imported state, of another number of shards, or of another layout.
        """
        manifest = Manifest.read(StateFolder(self.place), "imported")
        if manifest.shards != self.shards:
            raise StateFilesError(
                f"{self.place}: imported for --shards {manifest.shards}, and this job runs with --shards "
                f"{self.shards}; start it with that number, or import the state for this one"
            )
        if manifest.layout != LAYOUT:
            raise StateFilesError(
                f"{self.place}: imported with layout {manifest.layout}, and this version reads layout {LAYOUT}; "
                "import the state again, with this version"
            )
        return manifest

    def check(self) -> None:
        """Look whether a job can start from the folder.

        Raises:
            StateFilesError: it can't.
        """
        _ = self.manifest

    def fill(self, stage: str, specs: Sequence[StateSpec], shard: int, cells: Cells) -> None:
        """Put a shard's state into its cells, which are empty.

        Raises:
            ShardStateError: the folder can't be used, or the shard's file is missing or damaged.
        """
        try:
            self._fill(stage, specs, shard, cells)
        except StateFilesError as error:
            raise ShardStateError(f"this job can't start with the state of another: {error}") from error

    def _fill(self, stage: str, specs: Sequence[StateSpec], shard: int, cells: Cells) -> None:
        name = file_of(stage, shard)
        if name not in self.manifest.files:
            raise StateFilesError(f"{self.place}: {name} is missing")
        head, *_ = specs
        by_name = dict(zip((spec.name for spec in specs), cells.all(), strict=True))
        for cell, value in StateFolder(self.place).cells(name):
            if cell == head.name:
                by_name[cell].write(value)
            else:
                by_name[cell].add(value)
