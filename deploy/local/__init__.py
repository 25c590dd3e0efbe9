"""The real parts on one machine, without containers: a Kafka broker, a Flink session cluster, Beam's job server and
expansion service, each a Java process that listens on loopback only.

``python -m deploy.local up`` starts them, :class:`deploy.local.stack.Stack` is the same for programs. Needs Java 17 and
Maven; downloads and builds are kept in the user's cache.
"""

from deploy.local.layout import Addresses, default_folder
from deploy.local.parts import PartStatus
from deploy.local.problems import StackError
from deploy.local.stack import Stack

__all__ = ["Addresses", "PartStatus", "Stack", "StackError", "default_folder"]
