"""Avro object container files, a block at a time: neither end keeps more than one block."""

import io
import json
from collections.abc import Iterator, Mapping
from typing import IO, Any, cast

import fastavro
from fastavro.write import Writer

from schemas.check import check_record
from schemas.codec import BROKEN_BODY, read_body
from schemas.errors import SchemaError
from schemas.registry import load_schema, plain

Codec = str
"""``deflate`` or ``null``, which every Avro reader knows."""


class ContainerWriter:
    """Writes records of one schema into an open binary file; `flush` before the file is closed.

    >>> file = io.BytesIO()
    >>> writer = ContainerWriter(file, "event")
    >>> writer.write({"event_id": "e1", "user_id": "u1", "name": "signup", "occurred_at": 0, "source": None,
    ...               "properties": {"plan": "pro"}})
    >>> writer.flush()
    >>> _ = file.seek(0)
    >>> [[event["name"] for event in block] for block in read_container(file, "event")]
    [['signup']]
    """

    def __init__(self, out: IO[bytes], name: str, codec: Codec = "deflate") -> None:
        self._name = name
        # The schema goes into the header whole, for readers to find its docs there.
        schema = load_schema(name)
        self._writer = Writer(out, schema, codec=codec)

    def write(self, record: Mapping[str, Any]) -> None:
        """Add one record.

        Raises:
            SchemaError: it does not fit the schema; nothing of it was written.
        """
        check_record(self._name, record)
        self.write_checked(dict(record))

    def write_checked(self, record: dict[str, Any]) -> None:
        """Add one record of a source that has checked it, as `segmentation.outputs.change_rows.change_records` does."""
        self._writer.write(record)

    def flush(self) -> None:
        """Write the block that is being filled."""
        self._writer.flush()


def read_container(source: IO[bytes], name: str) -> Iterator[list[dict[str, Any]]]:
    """The records of a container file as the current schema ``name`` sees them, a list for each block.

    All blocks before the first broken one are yielded before the error is raised.

    Raises:
        SchemaError: no container file, a schema that does not resolve to ``name``, or a cut or broken block.
    """
    try:
        blocks = fastavro.block_reader(source)
        writer = plain(json.loads(blocks.metadata["avro.schema"]))
        for block in blocks:
            # A stream of what was decompressed; the stubs of fastavro leave it out.
            yield _records(name, cast(Any, block).bytes_, block.num_records, writer)
    except SchemaError:
        raise
    except (*BROKEN_BODY, fastavro.schema.SchemaParseException, fastavro.schema.UnknownType) as error:
        raise SchemaError(f"{name}: broken Avro container: {type(error).__name__}: {error}") from error


def _records(name: str, body: io.BytesIO, count: int, writer: Any) -> list[dict[str, Any]]:
    # Reading with the plain schema leaves times as integers, where fastavro's own records would hold datetimes and
    # refuse the ones after the year 9999.
    records = [read_body(name, body, writer) for _ in range(count)]
    if body.read(1):
        raise SchemaError(f"{name}: broken Avro container: a block holds more bytes than its records")
    return records
