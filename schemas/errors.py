"""The error that the functions of this package raise."""


class SchemaError(ValueError):
    """A record, a message or a frame does not fit its schema; the message says which and what was expected."""
