"""The rules that a run follows: the file, checked and frozen."""
