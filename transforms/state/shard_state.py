"""A shard's state as Beam keeps it: a snapshot in pieces, a log of what came since, and a head with a token.

The log is append-only: what arrived, and which ticks settled (replaying it over the snapshot gives the same table
again, outputs discarded). It is folded into a new snapshot when it outgrows a quarter of the last one, so that a
batch never rewrites the snapshot and writing is amortised. Its last entries wait in the head, the *tail*, until they
are worth a write of their own: every state that a call writes costs it a round trip. The *token* in the head is the
hash of the previous token and the bytes appended: an in-memory table may be used only while it carries the token that
the state carries, so that a failed bundle's stale copy is never taken for the truth.

Layout of the head: JSON ``{"layout": 4, "shards": n, "token": hex, "log": bytes, "snapshot": bytes, "runs": n,
"due": [tick, tick]}``, a line end, and the tail; ``due`` (µs) are the first and the last of the ticks in a row that
timers stand for, so that none is set twice. The tail is a run of entries, each behind its length (4 bytes,
little-endian); an element of the log is a run behind its number (8 bytes, big-endian), which keeps the order that a
bag does not.
"""

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Generic, Protocol, TypeVar

LAYOUT = 4
#: Pieces of a snapshot are at most this long.
PIECE_BYTES = 4 << 20
#: A larger shard is refused: runners reject commits not far above.
MAX_SNAPSHOT_BYTES = 64 << 20
#: Below this a log is never worth folding.
_MIN_FOLD_BYTES = 1 << 20
#: A longer tail goes into the log.
_TAIL_BYTES = 8 << 10


class ShardStateError(RuntimeError):
    """State that this job can't continue from, or that has outgrown its shard."""


class Table(Protocol):
    """A shard's table: deterministic, so that replaying the same entries gives the same table."""

    def replay(self, entry: bytes) -> None:
        """Apply an entry of the log, discarding what it puts out."""

    def snapshot(self) -> bytes:
        """The whole table."""

    def restore(self, data: bytes) -> None:
        """Take over what `snapshot` gave."""


TableT = TypeVar("TableT", bound=Table)


class ShardState(Generic[TableT]):
    """Loads, caches and saves the tables of the shards that one worker works on."""

    def __init__(self, create: Callable[[], TableT], shards: int) -> None:
        self._create = create
        self._shards = shards
        self._cached: dict[int, tuple[str, TableT]] = {}

    def load(self, shard: int, head: Any, snapshot: Any, log: Any) -> "OpenShard[TableT]":
        """The shard's table as its state has it.

        Args:
            shard: the key.
            head: Beam's ReadModifyWrite state of bytes.
            snapshot: Beam's bag state of bytes: the pieces.
            log: Beam's bag state of bytes: the entries.

        Raises:
            ShardStateError: another layout or another number of shards wrote it.
        """
        data = head.read()
        if data is None:
            fields = {"layout": LAYOUT, "shards": self._shards, "token": "", "log": 0, "snapshot": 0, "runs": 0}
            return OpenShard(self, shard, self._create(), fields, b"", head, snapshot, log)
        text, _, tail = data.partition(b"\n")
        fields = json.loads(text)
        self._check(fields)
        # Taken out, not looked at: a table that a call leaves half-way must not be found again.
        cached = self._cached.pop(shard, None)
        if cached is not None and cached[0] == fields["token"]:
            return OpenShard(self, shard, cached[1], fields, tail, head, snapshot, log)
        table = self._create()
        pieces = sorted(snapshot.read())
        if pieces:
            table.restore(b"".join(piece[4:] for piece in pieces))
        for run in (*(numbered[8:] for numbered in sorted(log.read())), tail):
            for entry in _entries(run):
                table.replay(entry)
        return OpenShard(self, shard, table, fields, tail, head, snapshot, log)

    def keep(self, shard: int, token: str, table: TableT) -> None:
        """Remember a table under its token."""
        self._cached[shard] = (token, table)

    def _check(self, fields: dict[str, Any]) -> None:
        if fields["layout"] != LAYOUT:
            raise ShardStateError(f"this state has layout {fields['layout']}; this version reads layout {LAYOUT}")
        if fields["shards"] != self._shards:
            raise ShardStateError(
                f"this state was written with --shards {fields['shards']}, this job runs with --shards {self._shards}: "
                "users would be looked for in the wrong shard; start with the same number"
            )


class OpenShard(Generic[TableT]):
    """One shard's table within a call, and what is to be written back."""

    def __init__(
        self,
        owner: ShardState[TableT],
        shard: int,
        table: TableT,
        fields: dict[str, Any],
        tail: bytes,
        *states: Any,
    ) -> None:
        self.table = table
        self._owner = owner
        self._shard = shard
        self._fields = fields
        self._tail = tail
        self._head, self._snapshot, self._log = states

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
        """Write the head, folding the log first where that is due.

        Raises:
            ShardStateError: the shard has outgrown what runners take.
        """
        fields = self._fields
        if fields["log"] > max(_MIN_FOLD_BYTES, fields["snapshot"] // 4):
            self._fold()
        elif len(self._tail) > _TAIL_BYTES:
            self._log.add(fields["runs"].to_bytes(8, "big") + self._tail)
            fields["runs"] += 1
            self._tail = b""
        self._head.write(json.dumps(fields).encode() + b"\n" + self._tail)
        self._owner.keep(self._shard, fields["token"], self.table)

    def release(self) -> None:
        """Give the table back where nothing of it has moved."""
        self._owner.keep(self._shard, self._fields["token"], self.table)

    def _fold(self) -> None:
        data = self.table.snapshot()
        if len(data) > MAX_SNAPSHOT_BYTES:
            raise ShardStateError(
                f"shard {self._shard} holds {len(data) >> 20} MB, more than {MAX_SNAPSHOT_BYTES >> 20} MB: "
                f"run with more than --shards {self._fields['shards']}"
            )
        self._snapshot.clear()
        for number, start in enumerate(range(0, len(data), PIECE_BYTES)):
            self._snapshot.add(number.to_bytes(4, "big") + data[start : start + PIECE_BYTES])
        self._log.clear()
        self._tail = b""
        self._fields["log"], self._fields["snapshot"] = 0, len(data)


def _entries(run: bytes) -> Iterator[bytes]:
    """The entries of a run."""
    start = 0
    while start < len(run):
        end = start + 4 + int.from_bytes(run[start : start + 4], "little")
        yield run[start + 4 : end]
        start = end
