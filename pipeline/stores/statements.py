"""Statements of the profile store in SQLAlchemy Core: the upserts that SQLite and PostgreSQL have in common.

Each takes its rows as bound parameters named after the columns, many rows an execution. Run in any order and any
number of times, they leave the same tables: what is older than a row never changes it.
"""

from typing import Any

from sqlalchemy import ColumnElement, Delete, Insert, bindparam, case, delete, exists, or_, select
from sqlalchemy.dialects.sqlite import insert

from pipeline.stores.tables import layout, membership_history, memberships, profiles


def insert_layout() -> Insert:
    """Note the layout of a new store."""
    return insert(layout).values(only=1).on_conflict_do_nothing(index_elements=["only"])


def insert_history() -> Insert:
    """Keep a change unless its id is known."""
    return insert(membership_history).on_conflict_do_nothing(index_elements=["change_id"])


def upsert_profile_of_change() -> Insert:
    """Take the memberships after a subject's last change; its features stay."""
    statement = insert(profiles)
    new = statement.excluded
    newer = new.sequence > profiles.c.sequence
    return statement.on_conflict_do_update(
        index_elements=["subject_id"],
        set_={
            "as_of": _greater(profiles.c.as_of, new.as_of),
            "rules_version": _greater(profiles.c.rules_version, new.rules_version),
            "sequence": new.sequence,
            "memberships": new.memberships,
        },
        where=newer,
    )


def upsert_profile() -> Insert:
    """Take the features where their tick is newer, and the memberships where the sequence is."""
    statement = insert(profiles)
    old, new = profiles.c, statement.excluded
    newer_memberships = new.sequence > old.sequence
    newer_features = or_(old.features_as_of.is_(None), new.features_as_of >= old.features_as_of)
    return statement.on_conflict_do_update(
        index_elements=["subject_id"],
        set_={
            "as_of": _greater(old.as_of, new.as_of),
            "rules_version": _greater(old.rules_version, new.rules_version),
            "sequence": _greater(old.sequence, new.sequence),
            "memberships": case((newer_memberships, new.memberships), else_=old.memberships),
            "features": case((newer_features, new.features), else_=old.features),
            "features_as_of": case((newer_features, new.features_as_of), else_=old.features_as_of),
        },
    )


def upsert_membership() -> Insert:
    """Enter a segment, unless history knows a later change of the same membership."""
    names = [column.name for column in memberships.columns]
    row = select(*[bindparam(name, type_=memberships.c[name].type) for name in names])
    history = membership_history.c
    later = exists().where(
        history.subject_id == bindparam("subject_id"),
        history.segment == bindparam("segment"),
        history.sequence > bindparam("sequence"),
    )
    statement = insert(memberships).from_select(names, row.where(~later))
    new = statement.excluded
    return statement.on_conflict_do_update(
        index_elements=["subject_id", "segment"],
        set_={"since": new.since, "change_id": new.change_id, "sequence": new.sequence},
        # History has decided already; this only spares a replay the writing.
        where=new.sequence > memberships.c.sequence,
    )


def delete_membership() -> Delete:
    """Leave a segment, unless the row rests on a later change."""
    return delete(memberships).where(
        memberships.c.subject_id == bindparam("subject_id"),
        memberships.c.segment == bindparam("segment"),
        memberships.c.sequence < bindparam("sequence"),
    )


def _greater(old: ColumnElement[Any], new: ColumnElement[Any]) -> ColumnElement[Any]:
    # greatest() of PostgreSQL is max() of SQLite.
    return case((new > old, new), else_=old)
