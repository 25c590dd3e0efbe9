"""The commands of ``segments``, a file each for those that belong together.

A command parses its options, calls one function and says how it ended. Beam, Polars and clients are imported inside
the functions, so that ``--help`` and ``check`` start fast.
"""
