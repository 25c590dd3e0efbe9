"""A frame of changes in the forms that sinks write: a column of JSON lines, or plain records one by one."""

from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from typing import Any, Final, TypedDict, get_args

import msgspec
import polars as pl

from schemas.errors import SchemaError
from schemas.types import Action, Cause, Stage
from segmentation.outputs.change_frame import CHANGE_COLUMNS, check_changes


class _Evidence(TypedDict):
    feature: str
    operator: str
    value: str | int | float | bool | None
    threshold: str | None


#: Columns that hold JSON text, and what reads it.
NESTED: Final[Mapping[str, Callable[[str], Any]]] = {
    "memberships": msgspec.json.Decoder(list[str]).decode,
    "evidence": msgspec.json.Decoder(list[_Evidence]).decode,
    "flags": msgspec.json.Decoder(dict[str, str]).decode,
}

# There are few different memberships and flags, and every frame repeats them.
_READ: Final = {name: lru_cache(4096)(NESTED[name]) for name in ("memberships", "flags")} | {
    "evidence": NESTED["evidence"]
}

#: Columns that hold symbols of an enum.
_SYMBOLS: Final = {"action": get_args(Action), "stage": get_args(Stage), "cause": get_args(Cause)}


def json_lines(changes: pl.DataFrame) -> pl.Series:
    """A JSON object for each change, as `schemas.json_codec.encode_json` gives it, without the end of the line.

    The columns of JSON text are copied without a check: they must hold valid JSON without line ends.

    Raises:
        SchemaError: the frame has not the columns of a frame of changes.
    """
    names = list(CHANGE_COLUMNS)
    pieces: list[pl.Expr] = []
    plain: list[str] = []
    for name in [*names, None]:
        if name is not None and name not in NESTED:
            plain.append(name)
            continue
        if plain:
            pieces.append(_object_inside(plain))
            plain = []
        if name is not None:
            pieces.append(pl.concat_str(pl.lit(f'"{name}":'), pl.col(name)))
    line = pl.concat_str(pl.lit("{"), pl.concat_str(pieces, separator=","), pl.lit("}"))
    return check_changes(changes).select(line.alias("line")).to_series()


def change_records(changes: pl.DataFrame) -> Iterator[dict[str, Any]]:
    """A plain record of schema ``segment_change`` for each change, checked; records may share their nested parts.

    Raises:
        SchemaError: the frame has not the columns of a frame of changes, or one of its values does not fit the schema.
    """
    changes = _check_values(check_changes(changes))
    columns = [
        map(_READ[name], changes[name].to_list()) if name in _READ else changes[name].to_list()
        for name in CHANGE_COLUMNS
    ]
    try:
        for row in zip(*columns, strict=True):
            yield dict(zip(CHANGE_COLUMNS, row, strict=True))
    except (msgspec.DecodeError, msgspec.ValidationError) as error:
        raise SchemaError(f"frame of changes: JSON text that does not fit the schema: {error}") from error


def _object_inside(names: list[str]) -> pl.Expr:
    """``"a":1,"b":"x"`` of some columns, texts escaped."""
    values = [_instant(name) if name.endswith("_at") else pl.col(name) for name in names]
    return pl.struct(values).struct.json_encode().str.strip_prefix("{").str.strip_suffix("}")


def _instant(name: str) -> pl.Expr:
    return pl.col(name).cast(pl.Datetime("us")).dt.strftime("%Y-%m-%dT%H:%M:%S%.6fZ")


def _check_values(changes: pl.DataFrame) -> pl.DataFrame:
    """Checks that the types of columns do not cover: the symbols of enums, and Avro integers of 32 bits."""
    for name, symbols in _SYMBOLS.items():
        unknown = changes[name].unique().is_in(symbols).not_()
        if unknown.any():
            raise SchemaError(f"frame of changes: {name} is none of {', '.join(symbols)}")
    for name in ("early_index", "rules_version"):
        if not changes[name].drop_nulls().is_between(-(2**31), 2**31 - 1).all():
            raise SchemaError(f"frame of changes: {name} needs more than 32 bits")
    return changes
