"""Where the pipeline runs: local stack, Java parts of Flink, emulator of Pub/Sub, image and Terraform for Dataflow.

Imports no other package of this repository: what is here can be started before anything of the pipeline is.
"""
