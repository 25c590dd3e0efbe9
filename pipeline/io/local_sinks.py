"""Sinks in this process: files and SQLite, opened before a run, closed (or given up) after it.

A local runner executes the steps in the process that submitted them, so a step can write to what the run has opened,
batch by batch, with nothing held back; the files appear under their names when the run has succeeded.
"""

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

import apache_beam as beam
import polars as pl

from pipeline.io.audit_file import AuditWriter
from pipeline.io.changes_file import ChangesWriter
from pipeline.io.dead_letters_file import DeadLettersWriter
from pipeline.io.output_file import OutputFile
from schemas.audit_frame import audit_records
from schemas.change_frame import CHANGE_COLUMNS
from schemas.types import DeadLetter
from segmentation.frames import decode_frames

if TYPE_CHECKING:
    from pipeline.io.profile_store import ProfileStore


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


class WriteChanges(beam.DoFn):
    """Frames of changes (as bytes) into the run's file and profile store."""

    def __init__(self, run: str) -> None:
        self._run = run

    def process(self, frames: bytes) -> None:
        """Write one frame."""
        sinks = _open[self._run]
        changes = decode_frames(frames)[1]["changes"].with_columns(
            emitted_at=pl.lit(sinks.now, pl.Int64), trace_context=pl.lit(None, pl.String)
        )
        changes = changes.select(list(CHANGE_COLUMNS))
        with sinks.lock:
            if sinks.changes is not None:
                sinks.changes.write(changes)
            if sinks.profiles is not None:
                sinks.profiles.apply_changes(changes)


class WriteProfiles(beam.DoFn):
    """Frames of profiles (as bytes) into the run's profile store."""

    def __init__(self, run: str) -> None:
        self._run = run

    def process(self, frames: bytes) -> None:
        """Write one frame."""
        sinks = _open[self._run]
        if sinks.profiles is not None:
            with sinks.lock:
                sinks.profiles.apply_profiles(decode_frames(frames)[1]["profiles"])


class WriteDeadLetters(beam.DoFn):
    """Dead letters into the run's file."""

    def __init__(self, run: str) -> None:
        self._run = run

    def process(self, letter: DeadLetter) -> None:
        """Write one letter."""
        sinks = _open[self._run]
        if sinks.dead_letters is not None:
            with sinks.lock:
                sinks.dead_letters.write([letter])


class WriteAudit(beam.DoFn):
    """Frames of audit records (as bytes) into the run's file."""

    def __init__(self, run: str) -> None:
        self._run = run

    def process(self, frames: bytes) -> None:
        """Write one frame."""
        sinks = _open[self._run]
        if sinks.audit is not None:
            with sinks.lock:
                sinks.audit.write(audit_records(decode_frames(frames)[1]["audit"], sinks.now))
