"""Steps that write to what their run keeps open in this process: files and the profile store.

A local runner executes the steps in the process that submitted them, so a step can write batch by batch, with nothing
held back.
"""

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import apache_beam as beam
import polars as pl

from pipeline.io.outputs import Output
from pipeline.io.place import Destination
from segmentation.columns.frames import decode_frames
from segmentation.outputs.change_frame import CHANGE_COLUMNS

#: Writes one element of the graph.
Write = Callable[[Any], None]


@dataclass(frozen=True)
class _Open:
    writers: Mapping[Output, Write]
    lock: threading.Lock


_open: dict[Destination, _Open] = {}


@contextmanager
def kept_open(place: Destination, writers: Mapping[Output, Write]) -> Iterator[None]:
    """While entered, the steps of `write_here` know how to write to a place."""
    _open[place] = _Open(writers, threading.Lock())
    try:
        yield
    finally:
        del _open[place]


def write_here(place: Destination, output: Output) -> beam.PTransform[beam.PCollection[Any], beam.PCollection[None]]:
    """The step that writes an output to a place that is `kept_open`."""
    return beam.ParDo(_WriteHere(place, output))


class _WriteHere(beam.DoFn):
    """Writes one element after the other, whichever thread brings it."""

    def __init__(self, place: Destination, output: Output) -> None:
        self._place = place
        self._output = output

    def process(self, element: Any) -> None:
        kept = _open[self._place]
        with kept.lock:
            kept.writers[self._output](element)


def changes_of(frames: bytes, now: int) -> pl.DataFrame:
    """The changes of an element of the graph, sent ``now`` (µs)."""
    sent = {"emitted_at": pl.lit(now, pl.Int64), "trace_context": pl.lit(None, pl.String)}
    return decode_frames(frames)[1]["changes"].with_columns(**sent).select(list(CHANGE_COLUMNS))
