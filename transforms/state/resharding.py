"""Exported state for another number of shards: each user goes to the shard that the internal id tells.

An old and a new shard have users in common only where both their numbers leave the same remainder when divided by the
greatest common divisor of the two numbers of shards. So the work is done in as many rounds as that is, and only the
tables of a round are in memory; remembered ids pass by.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from itertools import chain
from math import gcd
from typing import Generic, Protocol, Self, TypeVar

import polars as pl

from segmentation.columns.frames import FrameError
from segmentation.messages import MessageError
from segmentation.rules.model import Rules
from segmentation.tracking.event_keys import knows_shards, shards_of
from segmentation.tracking.id_cells import Ids
from segmentation.units import format_instant
from transforms.keys.sources import KeySource
from transforms.state.assigned_shard import AssignedShard
from transforms.state.cells import Cells, shard_cells
from transforms.state.containers import CellValue, StateFilesError
from transforms.state.errors import ShardStateError
from transforms.state.facts import PUBLISH_KEY, STATE_KEY, StateFacts
from transforms.state.held_cells import held_cells
from transforms.state.made_with import MadeWith
from transforms.state.manifest import Manifest, head_fields
from transforms.state.shard_state import LAYOUT, ShardState, written_whole
from transforms.state.state_folder import ASSIGN, POPULATION, TRACK, StateFolder, file_of
from transforms.state.timing import Timing
from transforms.state.tracked_shard import TrackedShard

#: How the names of cells with remembered ids begin.
_IDS = f"{TRACK}_ids_"


class _Table(Protocol):
    """What this module needs of a stage's table, besides `transforms.state.shard_state.Table`."""

    def open(self, cells: Cells, *, load: bool) -> None: ...
    def replay(self, entry: bytes) -> None: ...
    def snapshot(self) -> bytes: ...
    def restore(self, data: bytes) -> None: ...
    @property
    def users(self) -> list[bytes]: ...
    @property
    def settled(self) -> int | None: ...
    def keep_shard(self, shard: int, shards: int) -> None: ...
    def join(self, other: Self) -> None: ...


TableT = TypeVar("TableT", bound=_Table)


@dataclass
class Resharding:
    """Writes the state in one folder to another one, for ``shards`` shards.

    Args:
        source: exported state.
        target: an empty folder, or one that is not there yet.
        shards: how many there are to be.
        rules: those of the job whose state it is.
        timing: likewise.
    """

    source: StateFolder
    target: StateFolder
    shards: int
    rules: Rules
    timing: Timing
    #: By stage the last settled tick (µs) of all shards that have settled one; the second may stand before the first.
    settled: dict[str, int] = field(default_factory=dict)
    users: int = 0
    #: What is in ``source``.
    manifest: Manifest = field(init=False)
    #: What the state was made with, as its heads have it.
    _made_with: str = field(default="", repr=False)
    _population: dict[str, pl.DataFrame] | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        """Look at what there is.

        Raises:
            StateFilesError: there is no exported state, or none that this version reads.
        """
        self.manifest = Manifest.read(self.source, "exported")
        if self.manifest.layout != LAYOUT:
            raise StateFilesError(
                f"{self.source.place}: the state has layout {self.manifest.layout}; this version reads layout {LAYOUT}"
            )

    def run(self, tell: Callable[[str], None]) -> Manifest:
        """Write all files. ``tell`` gets a line for every shard.

        Raises:
            StateFilesError: the exported state can't be used, or not with these rules.
        """
        self.target.make()
        rounds = gcd(self.manifest.shards, self.shards)
        try:
            names = [name for number in range(rounds) for name in self._round(number, rounds, tell)]
        except (ShardStateError, FrameError, MessageError) as error:
            raise StateFilesError(f"{self.source.place}: {error}") from error
        except KeyError as error:
            raise StateFilesError(f"{self.source.place}: the state is not of these rules: {error.args[0]}") from error
        manifest = Manifest("imported", self.source.place, self.shards, LAYOUT, tuple(names))
        manifest.write(self.target)
        return manifest

    def _round(self, number: int, rounds: int, tell: Callable[[str], None]) -> Iterator[str]:
        old, new = (range(number, shards, rounds) for shards in (self.manifest.shards, self.shards))
        tracked = _Stage(TRACK, lambda: TrackedShard(self.rules, self.timing), self)
        for shard, table in tracked.split(old, new):
            self.users += len(table.users)
            yield self._write(TRACK, shard, table.snapshot(), self._ids(old, shard))
            tell(f"shard {shard}: {len(table.users):,} users")
        assigned = _Stage(ASSIGN, lambda: AssignedShard(self.rules, self.timing, b""), self)
        for shard, later in assigned.split(old, new):
            for message in self._populations():
                later.take(message)
            yield self._write(ASSIGN, shard, later.snapshot(), iter(()))

    def _write(self, stage: str, shard: int, snapshot: bytes, more: Iterator[CellValue]) -> str:
        head, first, *_ = shard_cells(stage)
        name, (start, pieces) = file_of(stage, shard), written_whole(snapshot, self.shards, self._made_with)
        self.target.write_cells(name, chain([(head.name, start)], ((first.name, piece) for piece in pieces), more))
        return name

    def _ids(self, old: range, shard: int) -> Iterator[CellValue]:
        """The remembered ids of a new shard's users, or at least those: more do no harm and are forgotten in time."""
        for each in old:
            for name, chunk in self.cells(TRACK, each):
                if name.startswith(_IDS):
                    ids = Ids.decode(chunk)
                    if knows_shards(self.shards):
                        ids = ids.where(shards_of(ids.low, self.shards) == shard)
                    yield from ((name, part) for part in ids.chunks())

    def _populations(self) -> list[bytes]:
        """Populations that were on their way to the second stage."""
        names = [name for name in self.manifest.files if name.startswith(POPULATION)]
        return [message for name in names for _, message in self.source.cells(name)]

    def cells(self, stage: str, shard: int) -> Iterator[CellValue]:
        """What an old shard kept; nothing where nothing had reached it."""
        name = file_of(stage, shard)
        if name in self.manifest.files:
            yield from self.source.cells(name)

    def facts(self) -> MadeWith:
        """What the state has to be made with, as far as this is known here: that is all but keys and mapping.

        The job that starts with it compares all.
        """
        facts = StateFacts(self.rules, self.timing, self.manifest.shards, KeySource(demo=True))
        return replace(facts.made_with(seeded=False), accepted=frozenset({STATE_KEY, PUBLISH_KEY, "--mapping"}))

    def met(self, head: bytes) -> None:
        """Remember what an old shard was made with: it is the same for all."""
        self._made_with = self._made_with or head_fields(head).get("made_with", "")

    def check(self, stage: str, shard: int, table: _Table) -> None:
        """Refuse an old shard that stands elsewhere than those before it."""
        if table.settled is None:
            return
        name, common = self.source.path(file_of(stage, shard)), self.settled.setdefault(stage, table.settled)
        if table.settled != common:
            own, others = format_instant(table.settled), format_instant(common)
            raise StateFilesError(f"{name}: this shard has settled the tick {own}, others {others}: {_AGAIN}")
        if isinstance(table, AssignedShard):
            if self._population is None:
                self._population = table.population
            if not _equal(self._population, table.population):
                raise StateFilesError(f"{name}: this shard knows another population than others: {_AGAIN}")


_AGAIN = "resume the job from its savepoint, stop it with another one, and export that"


@dataclass(frozen=True)
class _Stage(Generic[TableT]):
    name: str
    create: Callable[[], TableT]
    work: Resharding

    def split(self, old: range, new: range) -> Iterator[tuple[int, TableT]]:
        """The tables of the new shards, made of those of the old ones."""
        tables: dict[int, TableT] = {}
        state = ShardState(self.create, self.work.facts())
        for shard in old:
            values = (each for each in self.work.cells(self.name, shard) if not each[0].startswith(_IDS))
            cells = held_cells(self.name, values, ids=self.name == TRACK)
            table = state.read(cells)
            if table is None:
                continue
            self.work.met(cells.head.read())
            self.work.check(self.name, shard, table)
            snapshot = table.snapshot()
            for number in new:
                part = self.create()
                part.restore(snapshot)
                part.keep_shard(number, self.work.shards)
                tables[number] = self._joined(tables.get(number), part)
        for number in new:
            yield number, tables.pop(number, None) or self.create()

    def _joined(self, one: TableT | None, other: TableT) -> TableT:
        if one is None:
            return other
        # What has settled goes first: it has a population, and the other has no users yet.
        first, second = (one, other) if one.settled is not None else (other, one)
        first.join(second)
        return first


def _equal(one: dict[str, pl.DataFrame], other: dict[str, pl.DataFrame]) -> bool:
    return one.keys() == other.keys() and all(table.equals(other[name]) for name, table in one.items())
