"""The formats of our own events, a file each: bytes to columns."""
