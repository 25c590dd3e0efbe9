"""DumpState: the stateful steps of a live graph as ones that write their cells to files, and change nothing.

A runner that restores a savepoint finds state by the names of steps, cells and timers, so these steps have those of the
live ones. They are generic over cells: what is in one, and in which layout, is not looked at.
"""

import inspect
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final, Literal, TypeAlias

import apache_beam as beam
from apache_beam.pvalue import TaggedOutput
from apache_beam.transforms.timeutil import TimeDomain
from apache_beam.transforms.userstate import ReadModifyWriteStateSpec, StateSpec, TimerSpec, on_timer

from transforms.assign_segments import CHANGES, PROFILES
from transforms.shard_users import ShardMessage
from transforms.state.cells import shard_cells
from transforms.state.containers import CellValue
from transforms.state.state_folder import ASSIGN, POPULATION, TRACK, StateFolder, file_of, population_file
from transforms.track_users import FEATURES
from transforms.track_users import POPULATION as MOVES

#: Stands for a shard that is to be looked at. No stage sends a message of no length.
SEED: Final = b""
_Seed: TypeAlias = TaggedOutput[Literal["features"], ShardMessage]
_Cells: TypeAlias = Sequence[StateSpec]


class SeedShards(beam.PTransform[beam.PCollection[bytes], beam.PCollection[ShardMessage]]):
    """A `SEED` for each shard, by the name of the step that has the live job's events go to their shards."""

    def __init__(self, shards: int) -> None:
        super().__init__()
        self._shards = shards

    def expand(self, root: beam.PCollection[bytes]) -> beam.PCollection[ShardMessage]:
        """Apply the transform to an impulse."""
        shards = self._shards
        seeds = beam.FlatMap(lambda _: [(shard, SEED) for shard in range(shards)])
        sown: beam.PCollection[ShardMessage] = root | "SplitByShard" >> seeds.with_output_types(ShardMessage)
        return sown


class DumpTracked(beam.PTransform[beam.PCollection[ShardMessage], beam.pvalue.DoOutputsTuple]):
    """In the place of `transforms.track_users.TrackUsers`: passes the seeds on as ``features``.

    Args:
        place: the folder (`transforms.state.state_folder.StateFolder`), as workers see it.
    """

    def __init__(self, place: str) -> None:
        super().__init__()
        self._place = place

    def expand(self, seeds: beam.PCollection[ShardMessage]) -> Any:  # Beam knows no hint for several outputs
        """Apply the transform."""
        return seeds | "Track" >> beam.ParDo(self.fn()).with_outputs(FEATURES, MOVES)

    def fn(self) -> beam.DoFn:
        """The stateful step."""
        return _DumpTracked(self._place)


class DumpAssigned(beam.PTransform[beam.PCollection[ShardMessage], beam.pvalue.DoOutputsTuple]):
    """In the place of `transforms.assign_segments.AssignSegments`; populations that still came are kept, a file each.

    Args:
        place: the folder (`transforms.state.state_folder.StateFolder`), as workers see it.
    """

    def __init__(self, place: str) -> None:
        super().__init__()
        self._place = place

    def expand(self, messages: beam.PCollection[ShardMessage]) -> Any:  # Beam knows no hint for several outputs
        """Apply the transform."""
        return messages | "Assign" >> beam.ParDo(self.fn()).with_outputs(CHANGES, PROFILES)

    def fn(self) -> beam.DoFn:
        """The stateful step."""
        return _DumpAssigned(self._place)


class _Dump(beam.DoFn):
    """Writes the cells of every shard for which a seed comes, if there is anything in them."""

    stage: str
    specs: _Cells

    def __init__(self, place: str) -> None:
        self._folder = StateFolder(place)

    def _dumped(self, shard: int, cells: tuple[Any, ...]) -> None:
        values = list(_values(self.specs, cells)) if _has_head(self.specs, cells) else []
        if values:
            self._folder.write_cells(file_of(self.stage, shard), values)


def _has_head(specs: _Cells, cells: tuple[Any, ...]) -> bool:
    """Without its only single value a shard has nothing, and there is no need to ask for every bag of it."""
    heads = [cell for spec, cell in zip(specs, cells, strict=True) if isinstance(spec, ReadModifyWriteStateSpec)]
    return any(head.read() is not None for head in heads)


def _values(specs: _Cells, cells: tuple[Any, ...]) -> Iterator[CellValue]:
    for spec, cell in zip(specs, cells, strict=True):
        if isinstance(spec, ReadModifyWriteStateSpec):
            value = cell.read()
            if value is not None:
                yield spec.name, value
        else:
            yield from ((spec.name, value) for value in cell.read())


def _with_all(specs: _Cells) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Gives a method ``(self, element, *cells)`` the signature by which Beam hands it the state of all ``specs``."""

    def decorate(method: Callable[..., Any]) -> Callable[..., Any]:
        kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
        plain = [inspect.Parameter(name, kind) for name in ("self", "element")]
        cells = [inspect.Parameter(spec.name, kind, default=beam.DoFn.StateParam(spec)) for spec in specs]
        method.__signature__ = inspect.Signature([*plain, *cells])  # type: ignore[attr-defined]  # Beam reads it
        return method

    return decorate


class _DumpTracked(_Dump):
    stage = TRACK
    specs = shard_cells(TRACK, ids=True)
    TICK = TimerSpec("track_tick", TimeDomain.WATERMARK)

    def default_label(self) -> str:
        return "_TrackLive"

    @_with_all(specs)
    def process(self, element: ShardMessage, *cells: Any) -> Iterator[_Seed]:
        shard, _ = element
        self._dumped(shard, cells)
        yield _Seed(FEATURES, (shard, SEED))

    @on_timer(TICK)
    def settle(self, _tick: Any = beam.DoFn.TimerParam(TICK)) -> None:
        """Nothing settles."""


class _DumpAssigned(_Dump):
    stage = ASSIGN
    specs = shard_cells(ASSIGN)
    TICK = TimerSpec("assign_tick", TimeDomain.WATERMARK)

    def default_label(self) -> str:
        return "_AssignLive"

    @_with_all(specs)
    def process(self, element: ShardMessage, *cells: Any) -> None:
        shard, message = element
        if message == SEED:
            self._dumped(shard, cells)
        else:
            self._folder.write_cells(population_file(message), [(POPULATION, message)])

    @on_timer(TICK)
    def settle(self, _tick: Any = beam.DoFn.TimerParam(TICK)) -> None:
        """Nothing settles."""
