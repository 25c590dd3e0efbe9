"""The definitions and guarantees of the design, held against the whole core and the whole pipeline."""
