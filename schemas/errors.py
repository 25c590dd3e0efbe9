"""The error that every schema, codec and frame of this package raises."""


class SchemaError(ValueError):
    """A record, a message or a frame does not fit its schema; the message says which and what was expected."""
