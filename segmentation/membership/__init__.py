"""Who is in which segment, tick by tick, and the changes that say so and why.

The stage `AssignSegments` without Beam: `Assigner` keeps one shard's memberships. May enter: what decides, explains or
numbers a change. May not: how a feature is computed, how a condition is read, and how a change is encoded or sent.
"""
