"""Composes and runs: the command line, the graph, where it reads and writes, and on which runner."""
