"""Sinks in this process: files and SQLite, opened before a run, closed (or given up) after it.

A local runner executes the steps in the process that submitted them, so a step can write to what the run has opened,
batch by batch, with nothing held back; the files appear under their names when the run has succeeded.
"""

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import apache_beam as beam
import polars as pl

from pipeline.io.files.audit import AuditWriter
from pipeline.io.files.changes import ChangesWriter
from pipeline.io.files.dead_letters import DeadLettersWriter
from pipeline.io.files.output import OutputFile
from schemas.types import DeadLetter
from segmentation.columns.frames import decode_frames
from segmentation.outputs.audit_frame import audit_records
from segmentation.outputs.change_frame import CHANGE_COLUMNS

if TYPE_CHECKING:
    from pipeline.stores.profile_store import ProfileStore


@dataclass
class LocalSinks:
    """What a run writes to here; None where there is nothing, or a topic. ``now`` is the clock of the run, µs."""

    changes: ChangesWriter | None
    dead_letters: DeadLettersWriter | None
    audit: AuditWriter | None
    summary: OutputFile | None
    profiles: "ProfileStore | None"
    now: int

    def __post_init__(self) -> None:
        self.lock = threading.Lock()

    def close(self) -> None:
        """The run has succeeded."""
        for file in self._files():
            file.close()
        if self.profiles is not None:
            self.profiles.close()

    def abort(self) -> None:
        """The run has failed: its files do not appear."""
        for file in self._files():
            file.abort()
        if self.profiles is not None:
            self.profiles.close()

    def _files(self) -> list[OutputFile]:
        """The changes last: where they are, all else is in its place."""
        files = (self.summary, self.dead_letters, self.audit, self.changes)
        return [file for file in files if file is not None]


_open: dict[str, LocalSinks] = {}


def register(run: str, sinks: LocalSinks) -> None:
    """Make a run's sinks known to its steps."""
    _open[run] = sinks


def unregister(run: str) -> None:
    """Forget a run's sinks."""
    _open.pop(run, None)


class _Write(beam.DoFn):
    """Writes to what its run has opened, one element after the other whichever thread brings it."""

    def __init__(self, run: str) -> None:
        self._run = run

    def process(self, element: Any) -> None:
        """Write one element."""
        sinks = _open[self._run]
        with sinks.lock:
            self._write(element, sinks)

    def _write(self, element: Any, sinks: LocalSinks) -> None:
        raise NotImplementedError


class WriteChanges(_Write):
    """Frames of changes (as bytes) into the run's file and profile store."""

    def _write(self, frames: bytes, sinks: LocalSinks) -> None:
        changes = decode_frames(frames)[1]["changes"].with_columns(
            emitted_at=pl.lit(sinks.now, pl.Int64), trace_context=pl.lit(None, pl.String)
        )
        changes = changes.select(list(CHANGE_COLUMNS))
        if sinks.changes is not None:
            sinks.changes.write(changes)
        if sinks.profiles is not None:
            sinks.profiles.apply_changes(changes)


class WriteProfiles(_Write):
    """Frames of profiles (as bytes) into the run's profile store."""

    def _write(self, frames: bytes, sinks: LocalSinks) -> None:
        if sinks.profiles is not None:
            sinks.profiles.apply_profiles(decode_frames(frames)[1]["profiles"])


class WriteDeadLetters(_Write):
    """Dead letters into the run's file."""

    def _write(self, letter: DeadLetter, sinks: LocalSinks) -> None:
        if sinks.dead_letters is not None:
            sinks.dead_letters.write([letter])


class WriteAudit(_Write):
    """Frames of audit records (as bytes) into the run's file."""

    def _write(self, frames: bytes, sinks: LocalSinks) -> None:
        if sinks.audit is not None:
            sinks.audit.write(audit_records(decode_frames(frames)[1]["audit"], sinks.now))
