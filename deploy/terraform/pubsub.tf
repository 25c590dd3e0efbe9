locals {
  # Topics that the job writes to.
  outputs = toset(["changes", "changes.dead-letters", "audit"])
}

# For subscribers to look up. Not attached to the topics: a message is in Avro's single-object encoding, which begins with
# a marker and a fingerprint, and Pub/Sub's own check of binary Avro refuses that.
resource "google_pubsub_schema" "this" {
  for_each = toset(["segment_change", "dead_letter", "audit_record"])

  name       = "${var.name}-${replace(each.key, "_", "-")}"
  type       = "AVRO"
  definition = file("${path.module}/../../schemas/${each.key}.avsc")

  depends_on = [google_project_service.needed]
}

resource "google_pubsub_topic" "events" {
  name = "${var.name}-events"

  # So long the events can be read again from any time, by seeking a subscription there.
  message_retention_duration = "604800s"

  depends_on = [google_project_service.needed]
}

# Dataflow reads it. No dead-letter topic, no retry policy, no ordering and no exactly-once delivery: Dataflow supports
# none of these. Bad events are dead letters of the job's own; order and copies are the job's business.
resource "google_pubsub_subscription" "events" {
  name  = "${var.name}-events"
  topic = google_pubsub_topic.events.id

  ack_deadline_seconds       = 60
  message_retention_duration = "604800s"

  expiration_policy {
    ttl = "" # never
  }
}

resource "google_pubsub_topic" "output" {
  for_each = local.outputs

  name                       = "${var.name}-${each.key}"
  message_retention_duration = "604800s"

  depends_on = [google_project_service.needed]
}

# Those of Pub/Sub: what a subscriber could not handle.
resource "google_pubsub_topic" "undelivered" {
  for_each = var.subscribers

  name = "${var.name}-${each.key}-undelivered"

  depends_on = [google_project_service.needed]
}

resource "google_pubsub_subscription" "undelivered" {
  for_each = var.subscribers

  name                       = "${var.name}-${each.key}-undelivered"
  topic                      = google_pubsub_topic.undelivered[each.key].id
  message_retention_duration = "604800s"

  expiration_policy {
    ttl = ""
  }
}

resource "google_pubsub_subscription" "changes" {
  for_each = var.subscribers

  name  = "${var.name}-${each.key}"
  topic = google_pubsub_topic.output["changes"].id

  # By subject: each subscriber sees a subject's changes in their order.
  enable_message_ordering    = true
  ack_deadline_seconds       = 60
  message_retention_duration = "604800s"

  dead_letter_policy {
    dead_letter_topic     = google_pubsub_topic.undelivered[each.key].id
    max_delivery_attempts = 20
  }

  retry_policy {
    minimum_backoff = "1s"
    maximum_backoff = "60s"
  }

  expiration_policy {
    ttl = ""
  }
}

# Dead letters and audit are kept even while they have no reader.
resource "google_pubsub_subscription" "kept" {
  for_each = setsubtract(local.outputs, ["changes"])

  name                       = "${var.name}-${each.key}"
  topic                      = google_pubsub_topic.output[each.key].id
  message_retention_duration = "604800s"

  expiration_policy {
    ttl = ""
  }
}
