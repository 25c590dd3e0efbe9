"""Files that people write: YAML with places, typed access to it, and all errors of a file at once.

May enter: what every such file needs to be read. May not: what a rules, mapping or topics file says; that is with the
thing that the file describes, and so is its subclass of `problems.DocumentError`.
"""
