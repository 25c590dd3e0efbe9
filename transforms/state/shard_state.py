"""A shard's state as Beam keeps it: a snapshot in pieces, a log of what came since, and a head with a token.

The log is append-only: what arrived, and which ticks settled (replaying it over the snapshot gives the same table
again, outputs discarded). Its last entries wait in the head, the *tail*, until they are worth a write of their own:
every state that a call writes costs it a round trip. The *token* in the head is the hash of the previous token and the
bytes appended: an in-memory table may be used only while it carries the token that the state carries, so that a failed
bundle's stale copy is never taken for the truth.

When the log outgrows a quarter of the snapshot, it is *folded*: the table as it is then becomes a new snapshot, which
is written a piece a call beside the old one, while what arrives goes into a second log. With its last piece the new
snapshot and the second log take the places of the old ones. So no call writes more than a piece and what it brought,
whatever has accumulated. A worker that is lost half-way takes the unfinished pieces with it: the next one begins the
fold anew, with the two logs as one.

Layout of the head: JSON ``{"layout": 5, "shards": n, "made_with": text, "token": hex, "log": bytes, "snapshot": bytes,
"runs": n, "side": 0 | 1, "folding": [checksum, pieces, bytes] | null, "due": [tick, tick]}``, a line end, and the
tail. ``made_with``: see `transforms.state.made_with`; ``side`` is the snapshot and the log in use; ``folding`` says
which snapshot is being written, how many pieces of it are there, and how long the log was before; ``due`` (µs) are the
first and the last of the ticks in a row that timers stand for, so that none is set twice.
The tail is a run of entries, each behind its length (4 bytes, little-endian); an element of a log is a run behind its
number (8 bytes, big-endian), which keeps the order that a bag does not. A piece of a snapshot stands behind its number
(4 bytes, big-endian) and its plain length (4 bytes, little-endian), compressed with LZ4.
"""

import hashlib
import json
import zlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Generic, Protocol, TypeVar

import pyarrow as pa
from apache_beam.metrics import Metrics

from transforms.decode_events import NAMESPACE
from transforms.state.cells import Cells
from transforms.state.made_with import MadeWith

LAYOUT = 5
#: Pieces of a snapshot are at most this long before they are compressed.
PIECE_BYTES = 4 << 20
#: Below this a log is never worth folding.
_MIN_FOLD_BYTES = 1 << 20
#: A longer tail goes into the log.
_TAIL_BYTES = 8 << 10
#: What appends more in a call is on its way to what runners refuse (Dataflow: 180 MB a commit).
LARGE_BYTES = 16 << 20
_CODEC = "lz4"


class Table(Protocol):
    """A shard's table: deterministic, so that replaying the same entries gives the same table."""

    def open(self, cells: Cells, *, load: bool) -> None:
        """A call with these cells begins; ``load``: the table is new, and takes over what it keeps in them itself."""

    def replay(self, entry: bytes) -> None:
        """Apply an entry of the log, discarding what it puts out."""

    def snapshot(self) -> bytes:
        """The whole table, but what it keeps in cells itself."""

    def restore(self, data: bytes) -> None:
        """Take over what `snapshot` gave."""


TableT = TypeVar("TableT", bound=Table)


class Fold:
    """A snapshot on its way into the state.

    >>> fold = Fold(bytes(9), piece=4)
    >>> [len(unpacked(fold.next_piece())) for _ in range(3)], fold.done
    ([4, 4, 1], True)
    """

    def __init__(self, data: bytes, piece: int) -> None:
        self.size = len(data)
        #: Tells this snapshot from that of another worker.
        self.checksum = zlib.crc32(data)
        self.pieces = 0
        self._data = memoryview(data)
        self._piece = piece

    @property
    def done(self) -> bool:
        """Whether every piece has been taken."""
        return self.pieces * self._piece >= self.size

    def next_piece(self) -> bytes:
        """The next piece, as an element of the bag."""
        start = self.pieces * self._piece
        data = self._data[start : start + self._piece]
        number = self.pieces.to_bytes(4, "big")
        self.pieces += 1
        packed: bytes = pa.compress(data, codec=_CODEC, asbytes=True)
        return number + len(data).to_bytes(4, "little") + packed


def written_whole(snapshot: bytes, shards: int, made_with: str) -> tuple[bytes, list[bytes]]:
    """The head and the pieces (in the first bag of snapshots) of a shard whose state is a snapshot and no log."""
    fold = Fold(snapshot, PIECE_BYTES)
    pieces = []
    while not fold.done:
        pieces.append(fold.next_piece())
    fields = {"layout": LAYOUT, "shards": shards, "made_with": made_with, "token": hashlib.sha256(snapshot).hexdigest()}
    fields |= {"log": 0, "snapshot": len(snapshot), "runs": 0, "side": 0, "folding": None}
    return json.dumps(fields).encode() + b"\n", pieces


def unpacked(piece: bytes) -> bytes:
    """What a piece of a snapshot holds."""
    size = int.from_bytes(piece[4:8], "little")
    data: bytes = pa.decompress(piece[8:], decompressed_size=size, codec=_CODEC, asbytes=True)
    return data


class ShardState(Generic[TableT]):
    """Loads, caches and saves the tables of the shards that one worker works on."""

    def __init__(
        self, create: Callable[[], TableT], made_with: MadeWith, fill: Callable[[int, Cells], None] | None = None
    ) -> None:
        self._create = create
        self._made_with = made_with
        self._fill = fill
        self._cached: dict[int, tuple[str, TableT, Fold | None]] = {}

    def load(self, shard: int, cells: Cells) -> "OpenShard[TableT]":
        """The shard's table as its state has it; where there is none, ``fill`` may put it into the cells before.

        Raises:
            ShardStateError: another layout wrote it, or a job that makes its state with something else.
        """
        data = cells.head.read()
        started = data is None and self._fill is not None
        if data is None and self._fill is not None:
            self._fill(shard, cells)
            data = cells.head.read()
        if data is None:
            fields = self._made_with.begin(shard, layout=LAYOUT)
            fields |= {"token": "", "log": 0, "snapshot": 0, "runs": 0, "side": 0, "folding": None}
            table = self._create()
            table.open(cells, load=False)
            return OpenShard(self, shard, table, None, fields, b"", cells)
        text, _, tail = data.partition(b"\n")
        fields = self._made_with.resume(text, layout=LAYOUT)
        # Taken out, not looked at: a table that a call leaves half-way must not be found again.
        cached = self._cached.pop(shard, None)
        if cached is not None and cached[0] == fields["token"]:
            _, table, fold = cached
            table.open(cells, load=False)
        else:
            table, fold = self._restored(fields, tail, cells), None
            table.open(cells, load=True)
        opened = OpenShard(self, shard, table, fold, fields, tail, cells)
        opened.check_fold()
        opened.started = started
        return opened

    def read(self, cells: Cells) -> TableT | None:
        """The table that cells hold, apart from what it keeps in them itself; None where they hold nothing.

        Raises:
            ShardStateError: see `load`.
        """
        data = cells.head.read()
        if data is None:
            return None
        text, _, tail = data.partition(b"\n")
        return self._restored(self._made_with.resume(text, layout=LAYOUT), tail, cells)

    def _restored(self, fields: dict[str, Any], tail: bytes, cells: Cells) -> TableT:
        table = self._create()
        pieces = sorted(cells.snapshots[fields["side"]].read())
        if pieces:
            table.restore(b"".join(map(unpacked, pieces)))
        runs = sorted(numbered for log in cells.logs for numbered in log.read())
        for run in (*(numbered[8:] for numbered in runs), tail):
            for entry in _entries(run):
                table.replay(entry)
        return table

    def keep(self, shard: int, token: str, table: TableT, fold: Fold | None) -> None:
        """Remember a table under its token, and what of it is still to be written."""
        self._cached[shard] = (token, table, fold)


class OpenShard(Generic[TableT]):
    """One shard's table within a call, and what is to be written back."""

    def __init__(
        self,
        owner: ShardState[TableT],
        shard: int,
        table: TableT,
        fold: Fold | None,
        fields: dict[str, Any],
        tail: bytes,
        cells: Cells,
    ) -> None:
        self.table = table
        #: Whether the state has just come from elsewhere, so that no timers stand for it.
        self.started = False
        self._owner = owner
        self._shard = shard
        self._fold = fold
        self._fields = fields
        self._tail = tail
        self._cells = cells

    def append(self, entry: bytes) -> None:
        """Note in the log what the table has just taken in."""
        fields = self._fields
        self._tail += len(entry).to_bytes(4, "little") + entry
        fields["log"] += len(entry)
        fields["token"] = hashlib.sha256(bytes.fromhex(fields["token"]) + entry).hexdigest()

    def without_timer(self, ticks: Sequence[int]) -> list[int]:
        """Note that from now on timers stand for these ticks (µs, in a row); those for which none stands yet."""
        known = self._fields.get("due", [])
        self._fields["due"] = [ticks[0], ticks[-1]] if ticks else []
        return [tick for tick in ticks if not known or not known[0] <= tick <= known[1]]

    def save(self) -> None:
        """Write the head and, where that is due, a run of the log or a piece of a new snapshot.

        All else that the call appends to the shard's cells must be there by now: what is large is counted.
        """
        fields = self._fields
        if self._fold is not None:
            self._write_piece(self._fold)
        elif fields["log"] > max(_MIN_FOLD_BYTES, fields["snapshot"] // 4):
            self._begin_fold()
        if len(self._tail) > _TAIL_BYTES:
            self._write_run()
        self._write_head()
        if self._cells.added() > LARGE_BYTES:
            Metrics.counter(NAMESPACE, "large_commits").inc()
        self._owner.keep(self._shard, fields["token"], self.table, self._fold)

    def release(self) -> None:
        """Give the table back where nothing of it has moved."""
        self._owner.keep(self._shard, self._fields["token"], self.table, self._fold)

    def check_fold(self) -> None:
        """Where the state holds the beginning of a snapshot of which this worker doesn't have the rest, drop it, and
        make one log of the two."""
        fields, fold = self._fields, self._fold
        if fields["folding"] is None:
            self._fold = None
        elif fold is None or fields["folding"][:2] != [fold.checksum, fold.pieces]:
            self._fold = None
            log, other = self._in_use(self._cells.logs)
            for run in other.read():
                log.add(run)
            other.clear()
            self._in_use(self._cells.snapshots)[1].clear()
            fields["log"] += fields["folding"][2]
            fields["folding"] = None
            self._write_head()

    def _begin_fold(self) -> None:
        """What has come so far is in the snapshot to be; what comes from now on goes into the other log."""
        fields = self._fields
        if self._tail:
            self._write_run()
        self._fold = Fold(self.table.snapshot(), PIECE_BYTES)
        fields["folding"] = [self._fold.checksum, 0, fields["log"]]
        fields["log"] = 0
        self._write_piece(self._fold)

    def _write_piece(self, fold: Fold) -> None:
        fields = self._fields
        old, new = self._in_use(self._cells.snapshots)
        new.add(fold.next_piece())
        fields["folding"][1] = fold.pieces
        if fold.done:
            old.clear()
            self._in_use(self._cells.logs)[0].clear()
            fields["side"], fields["folding"], fields["snapshot"] = 1 - fields["side"], None, fold.size
            self._fold = None

    def _write_run(self) -> None:
        fields = self._fields
        log, other = self._in_use(self._cells.logs)
        (other if fields["folding"] else log).add(fields["runs"].to_bytes(8, "big") + self._tail)
        fields["runs"] += 1
        self._tail = b""

    def _write_head(self) -> None:
        self._cells.head.write(json.dumps(self._fields).encode() + b"\n" + self._tail)

    def _in_use(self, pair: tuple[Any, Any]) -> tuple[Any, Any]:
        """The one of a pair that is in use, and the other."""
        side = self._fields["side"]
        return pair[side], pair[1 - side]


def _entries(run: bytes) -> Iterator[bytes]:
    """The entries of a run."""
    start = 0
    while start < len(run):
        end = start + 4 + int.from_bytes(run[start : start + 4], "little")
        yield run[start + 4 : end]
        start = end
