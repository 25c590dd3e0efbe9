"""The pipeline live: on a real Flink cluster, from Kafka to Kafka, through crashes and restarts."""
