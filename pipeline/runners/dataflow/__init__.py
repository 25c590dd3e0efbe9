"""Google Cloud Dataflow: options, checks of the graph, submission, the template's metadata."""
