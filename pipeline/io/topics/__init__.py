"""What systems of messages share: the contract of a topic, and what is written to one and read from one.

What may enter: whatever holds for every system. Nothing in here imports one; a system adds a `Topic` with a `Sender`,
an `EventTopic` and a `TopicReader`.
"""
