"""How a foreign log reads as events: what `mapping.yaml` says (`model`), and its reader (`file`).

Applying a mapping to a log is `transforms.decoding.foreign`.
"""
