"""Pub/Sub: its addresses, clients, sources, what sends and reads its messages, and how its topics are made.

What may enter: whatever only Pub/Sub has. `place` is the one way in for other rooms, and `topics_file` with
`provisioning` for the command that makes topics. Clients are imported in methods.
"""
