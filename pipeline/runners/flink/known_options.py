"""What Beam's Flink job server understands besides Beam Python's own options.

The job server describes its options to the program that submits a job, and Beam Python drops those that neither knows.
The names are listed here so that a command line can be checked before anything is contacted; a test compares the list
with what a running job server says.
"""

from collections.abc import Mapping
from enum import Enum
from typing import Final


class Kind(Enum):
    """What follows an option's name."""

    NUMBER = "number"
    TEXT = "text"
    SWITCH = "switch"  #: nothing: its name turns it on
    OFF_SWITCH = "off switch"  #: nothing: it is on, and its name turns it off


#: Name without dashes -> what follows it.
FLINK_OPTIONS: Final[Mapping[str, Kind]] = {
    "allow_non_restored_state": Kind.SWITCH,
    "attached_mode": Kind.OFF_SWITCH,
    "auto_balance_write_files_sharding_enabled": Kind.SWITCH,
    "auto_watermark_interval": Kind.NUMBER,
    "checkpoint_timeout_millis": Kind.NUMBER,
    "checkpointing_interval": Kind.NUMBER,
    "checkpointing_mode": Kind.TEXT,
    "disable_metrics": Kind.SWITCH,
    "enable_stable_input_drain": Kind.SWITCH,
    "execution_retry_delay": Kind.NUMBER,
    "externalized_checkpoints_enabled": Kind.SWITCH,
    "fail_on_checkpointing_errors": Kind.OFF_SWITCH,
    "faster_copy": Kind.SWITCH,
    "finish_bundle_before_checkpointing": Kind.SWITCH,
    "flink_conf_dir": Kind.TEXT,
    "force_unaligned_checkpoint_enabled": Kind.SWITCH,
    "latency_tracking_interval": Kind.NUMBER,
    "load_balance_bundles": Kind.SWITCH,
    "max_bundle_size": Kind.NUMBER,
    "max_bundle_time_mills": Kind.NUMBER,
    "max_parallelism": Kind.NUMBER,
    "min_pause_between_checkpoints": Kind.NUMBER,
    "num_concurrent_checkpoints": Kind.NUMBER,
    "number_of_execution_retries": Kind.NUMBER,
    "object_reuse": Kind.SWITCH,
    "operator_chaining": Kind.OFF_SWITCH,
    "parallelism": Kind.NUMBER,
    "report_checkpoint_duration": Kind.TEXT,
    "retain_externalized_checkpoints_on_cancellation": Kind.SWITCH,
    "savepoint_path": Kind.TEXT,
    "shutdown_sources_after_idle_ms": Kind.NUMBER,
    "state_backend": Kind.TEXT,
    "state_backend_storage_path": Kind.TEXT,
    "unaligned_checkpoint_enabled": Kind.SWITCH,
}
