"""Tables of the profile store, alike in every database. Times are integer µs; lists and maps are JSON text."""

from typing import Final

from sqlalchemy import BigInteger, Column, Index, Integer, MetaData, String, Table, Text

#: Raised with every change of the tables; a store of another layout is refused.
LAYOUT: Final = 1

metadata: Final = MetaData()

#: One row.
layout: Final = Table(
    "store_layout",
    metadata,
    Column("only", Integer, primary_key=True, autoincrement=False, comment="1"),
    Column("version", Integer, nullable=False),
)

#: A row per subject. Memberships follow `sequence`, features follow `features_as_of`, each for itself, so that the row
#: is the same whatever order batches come in.
profiles: Final = Table(
    "profiles",
    metadata,
    Column("subject_id", String(64), primary_key=True),
    Column("as_of", BigInteger, nullable=False, comment="latest tick that said anything of the subject, µs"),
    Column("sequence", BigInteger, nullable=False, comment="of the last settled change; 0 before the first"),
    Column("rules_version", Integer, nullable=False),
    Column("memberships", Text, nullable=False, comment='JSON array of names: ["a","b"]'),
    Column("features", Text, comment="JSON object; null until a profile came"),
    Column("features_as_of", BigInteger, comment="tick of the features, µs; null until a profile came"),
    sqlite_with_rowid=False,
)

#: A row per current settled membership.
memberships: Final = Table(
    "memberships",
    metadata,
    Column("subject_id", String(64), primary_key=True),
    Column("segment", String(255), primary_key=True),
    Column("since", BigInteger, nullable=False, comment="effective_at of the change that entered, µs"),
    Column("change_id", String(64), nullable=False),
    Column("sequence", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

#: A row per settled change, never changed again.
membership_history: Final = Table(
    "membership_history",
    metadata,
    Column("change_id", String(64), primary_key=True),
    Column("subject_id", String(64), nullable=False),
    Column("segment", String(255), nullable=False),
    Column("action", String(16), nullable=False),
    Column("effective_at", BigInteger, nullable=False, comment="µs"),
    Column("stage", String(16), nullable=False),
    Column("cause", String(16), nullable=False),
    Column("sequence", BigInteger, nullable=False),
    Column("memberships", Text, nullable=False, comment="after the change: JSON array of names"),
    Column("rules_version", Integer, nullable=False),
    Column("evidence", Text, nullable=False, comment="JSON array of objects"),
    Column("flags", Text, nullable=False, comment="JSON object"),
    Column("emitted_at", BigInteger, nullable=False, comment="µs"),
    Column("trace_context", Text),
    Index("membership_history_of_subject", "subject_id", "sequence"),
)
