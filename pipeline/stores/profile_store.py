"""The profile store in a SQL database: profile, current memberships and membership history of every subject."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final, NamedTuple, cast

import msgspec
import polars as pl
from sqlalchemy import ClauseElement, Connection, Engine, Select, select
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.schema import CreateIndex, CreateTable
from sqlalchemy.sql.compiler import SQLCompiler

from pipeline.stores import statements
from pipeline.stores.store import StoreError
from pipeline.stores.tables import LAYOUT, layout, membership_history, memberships, metadata, profiles
from schemas.records import from_record
from schemas.types import Profile, SegmentChange
from segmentation.outputs.change_frame import check_changes
from segmentation.outputs.profile_frame import check_profiles

#: Rows that one execution of a statement carries.
_ROWS: Final = 10_000


class Membership(NamedTuple):
    """One current settled membership."""

    #: Name of the segment.
    segment: str
    #: Tick at which it was entered, µs.
    since: int
    #: Change that entered.
    change_id: str
    #: Sequence of that change.
    sequence: int


class ProfileStore:
    """Writes settled changes and profiles, effectively once: batches may be repeated, and come in any order.

    Each `apply_…` is one transaction, synced to the disk: a process that dies leaves all of a batch or nothing of it.
    Several processes may share a store; they wait for one another.
    """

    def __init__(self, engine: Engine, option: str) -> None:
        """Create what is missing in the database; ``option`` is what errors call the store.

        Raises:
            StoreError: the database can't be written, or it holds another layout.
        """
        self._option = option
        self._engine = engine
        try:
            with self._transaction() as connection:
                self._create_tables(connection)
        except StoreError:
            self.close()
            raise

    def apply_changes(self, changes: pl.DataFrame) -> None:
        """Keep the settled changes of a frame with the columns `segmentation.outputs.change_frame.CHANGE_COLUMNS`.

        History takes a change once, by its id; memberships and profile take it if no later change of the same subject
        (by sequence) came before. Early changes are passed over: the store holds what is settled.

        Raises:
            SchemaError: the frame has other columns.
            StoreError: the database refuses; nothing of the frame was kept.
        """
        settled = check_changes(changes).filter(pl.col("stage") != "EARLY").drop("early_index")
        # By subject, for neighbouring rows to meet the same pages.
        settled = settled.sort("subject_id", "sequence")
        of_segment = settled.unique(["subject_id", "segment"], keep="last", maintain_order=True)
        of_subject = settled.unique("subject_id", keep="last", maintain_order=True)
        entered, exited = pl.col("action") == "ENTERED", pl.col("action") == "EXITED"
        with self._transaction() as connection:
            _execute(connection, statements.insert_history(), settled)
            _execute(connection, statements.upsert_membership(), _membership_rows(of_segment.filter(entered)))
            _execute(connection, statements.delete_membership(), _membership_rows(of_segment.filter(exited)))
            _execute(connection, statements.upsert_profile_of_change(), _profile_rows(of_subject))

    def apply_profiles(self, frame: pl.DataFrame) -> None:
        """Keep the profiles of a frame with the columns `segmentation.outputs.profile_frame.PROFILE_COLUMNS`.

        Features are taken if no later tick's came before, memberships if no later sequence's did.

        Raises:
            SchemaError: the frame has other columns.
            StoreError: the database refuses; nothing of the frame was kept.
        """
        rows = check_profiles(frame).sort("subject_id", "as_of").with_columns(features_as_of="as_of")
        with self._transaction() as connection:
            _execute(connection, statements.upsert_profile(), rows)

    def profile(self, subject_id: str) -> Profile | None:
        """The profile of a subject, without features if only changes came so far; None for an unknown subject.

        Raises:
            StoreError: the database refuses.
        """
        rows = self._select(select(profiles).where(profiles.c.subject_id == subject_id))
        if not rows:
            return None
        row = rows[0]
        features = row.pop("features")
        del row["features_as_of"]
        row["memberships"] = msgspec.json.decode(row["memberships"])
        row["features"] = {} if features is None else msgspec.json.decode(features)
        return from_record(Profile, row | {"provisional": []})

    def memberships(self, subject_id: str) -> list[Membership]:
        """The current memberships of a subject, by name of the segment.

        Raises:
            StoreError: the database refuses.
        """
        columns = [memberships.c[name] for name in Membership._fields]
        query = select(*columns).where(memberships.c.subject_id == subject_id).order_by(memberships.c.segment)
        return [Membership(**row) for row in self._select(query)]

    def history(self, subject_id: str) -> list[SegmentChange]:
        """Every settled change of a subject, by sequence.

        Raises:
            StoreError: the database refuses.
        """
        table = membership_history
        query = select(table).where(table.c.subject_id == subject_id).order_by(table.c.sequence, table.c.change_id)
        return [from_record(SegmentChange, _change_record(row)) for row in self._select(query)]

    def close(self) -> None:
        """Close every connection; the store is done."""
        self._engine.dispose()

    def _create_tables(self, connection: Connection) -> None:
        connection.execute(CreateTable(layout, if_not_exists=True))
        connection.execute(statements.insert_layout(), {"version": LAYOUT})
        found = connection.execute(select(layout.c.version)).scalar_one()
        if found != LAYOUT:
            raise StoreError(
                f"{self._option}: the store has layout {found}, this version needs {LAYOUT}; name a new one"
            )
        for table in metadata.sorted_tables:
            connection.execute(CreateTable(table, if_not_exists=True))
            for index in table.indexes:
                connection.execute(CreateIndex(index, if_not_exists=True))

    def _select(self, query: Select[Any]) -> list[dict[str, Any]]:
        with self._transaction() as connection:
            return [dict(row) for row in connection.execute(query).mappings()]

    @contextmanager
    def _transaction(self) -> Iterator[Connection]:
        try:
            with self._engine.begin() as connection:
                yield connection
        except SQLAlchemyError as error:
            # The database's own words: SQLAlchemy's would add the statement.
            reason = error.orig if isinstance(error, DBAPIError) else error
            raise StoreError(f"{self._option}: {self._engine.url.database}: {reason}") from error


def _execute(connection: Connection, statement: ClauseElement, rows: pl.DataFrame) -> None:
    """Run a statement for each row; its parameters are columns."""
    compiled = cast(SQLCompiler, statement.compile(dialect=connection.dialect, column_keys=rows.columns))
    names = compiled.positiontup
    if names is None:
        raise StoreError(f"no way to bind rows by position in {connection.dialect.name}")
    # Tuples straight to the driver: SQLAlchemy's own binding of dictionaries costs a third of the time.
    for part in rows.iter_slices(_ROWS):
        columns = {name: part[name].to_list() for name in set(names)}
        values = list(zip(*[columns[name] for name in names], strict=True))
        connection.exec_driver_sql(str(compiled), values)


def _membership_rows(changes: pl.DataFrame) -> pl.DataFrame:
    return changes.select("subject_id", "segment", pl.col("effective_at").alias("since"), "change_id", "sequence")


def _profile_rows(changes: pl.DataFrame) -> pl.DataFrame:
    return changes.select(
        "subject_id", pl.col("effective_at").alias("as_of"), "sequence", "rules_version", "memberships"
    )


def _change_record(row: dict[str, Any]) -> dict[str, Any]:
    nested = {name: msgspec.json.decode(row[name]) for name in ("memberships", "evidence", "flags")}
    return row | nested | {"early_index": None}
