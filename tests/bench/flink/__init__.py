"""Throughput, latency, checkpoint size and endurance on a real Flink cluster, this project beside its peers."""
