"""Files that people write: YAML with places, typed access to it, and every error of a file in one go.

What a rules, mapping or topics file says is elsewhere; how such a file is read is here, once.
"""
