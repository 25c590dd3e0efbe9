"""Where a run happens. Every runner keeps one contract (`contract`) and is entered in `choice`.

`assembly` makes the graph, the same for all. A runner that needs more than a file has a room. Nothing here reads or
writes records: that is what places and stores do (`pipeline.io`, `pipeline.stores`).
"""
