"""What is raised where a topic, or a subscription to one, can't be read or written."""


class TopicError(Exception):
    """Whoever keeps the topic can't be reached, or refuses; the message starts with the option that names it."""
