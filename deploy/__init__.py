"""How the pipeline runs somewhere: the local stack, the jar that Flink needs, container images."""
