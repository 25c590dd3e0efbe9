# Who does what: the worker runs the job (and its launch), the deployer builds and starts it, producers publish.
resource "google_service_account" "worker" {
  account_id   = "${var.name}-worker"
  display_name = "Workers and launcher of the segment pipeline"

  depends_on = [google_project_service.needed]
}

resource "google_service_account" "deployer" {
  account_id   = "${var.name}-deployer"
  display_name = "Builds and starts the segment pipeline"

  depends_on = [google_project_service.needed]
}

# The worker, in the project: no more than a Dataflow worker and its metrics need.
resource "google_project_iam_member" "worker" {
  for_each = toset(["roles/dataflow.worker", "roles/monitoring.metricWriter"])

  project = var.project
  role    = each.key
  member  = google_service_account.worker.member
}

# Event times come from an attribute, so Dataflow makes a second subscription to the events' topic for itself, in which it
# looks ahead for the watermark. It has a name of Dataflow's own, so this can be granted in the whole project only: the
# reason to give the job a project to itself.
resource "google_project_iam_custom_role" "tracking" {
  role_id     = "${replace(var.name, "-", "_")}_tracking_subscription"
  title       = "Tracking subscription of ${var.name}"
  description = "What Dataflow needs to follow event time in Pub/Sub."
  permissions = [
    "pubsub.subscriptions.consume",
    "pubsub.subscriptions.create",
    "pubsub.subscriptions.delete",
    "pubsub.subscriptions.get",
  ]
}

resource "google_project_iam_member" "tracking" {
  project = var.project
  role    = google_project_iam_custom_role.tracking.id
  member  = google_service_account.worker.member
}

# pubsub.topics.attachSubscription, for the tracking subscription.
resource "google_pubsub_topic_iam_member" "tracking" {
  topic  = google_pubsub_topic.events.id
  role   = "roles/pubsub.subscriber"
  member = google_service_account.worker.member
}

resource "google_pubsub_subscription_iam_member" "events" {
  for_each = toset(["roles/pubsub.subscriber", "roles/pubsub.viewer"])

  subscription = google_pubsub_subscription.events.name
  role         = each.key
  member       = google_service_account.worker.member
}

resource "google_pubsub_topic_iam_member" "outputs" {
  for_each = google_pubsub_topic.output

  topic  = each.value.id
  role   = "roles/pubsub.publisher"
  member = google_service_account.worker.member
}

resource "google_pubsub_topic_iam_member" "producers" {
  for_each = var.producers

  topic  = google_pubsub_topic.events.id
  role   = "roles/pubsub.publisher"
  member = each.key
}

resource "google_storage_bucket_iam_member" "worker" {
  for_each = { staging = "roles/storage.objectAdmin", temp = "roles/storage.objectAdmin", config = "roles/storage.objectViewer" }

  bucket = google_storage_bucket.this[each.key].name
  role   = each.value
  member = google_service_account.worker.member
}

resource "google_artifact_registry_repository_iam_member" "worker" {
  location   = var.region
  repository = google_artifact_registry_repository.images.name
  role       = "roles/artifactregistry.reader"
  member     = google_service_account.worker.member
}

# The deployer: starts and updates jobs as the worker, puts templates, rules and images in their places. Not the keys.
resource "google_project_iam_member" "deployer" {
  project = var.project
  role    = "roles/dataflow.developer"
  member  = google_service_account.deployer.member
}

resource "google_service_account_iam_member" "deployer_as_worker" {
  service_account_id = google_service_account.worker.name
  role               = "roles/iam.serviceAccountUser"
  member             = google_service_account.deployer.member
}

resource "google_storage_bucket_iam_member" "deployer" {
  for_each = toset(["staging", "config"])

  bucket = google_storage_bucket.this[each.key].name
  role   = "roles/storage.objectAdmin"
  member = google_service_account.deployer.member
}

resource "google_artifact_registry_repository_iam_member" "deployer" {
  location   = var.region
  repository = google_artifact_registry_repository.images.name
  role       = "roles/artifactregistry.writer"
  member     = google_service_account.deployer.member
}

# Pub/Sub itself moves what a subscriber could not handle.
resource "google_pubsub_topic_iam_member" "undelivered" {
  for_each = google_pubsub_topic.undelivered

  topic  = each.value.id
  role   = "roles/pubsub.publisher"
  member = "serviceAccount:service-${data.google_project.this.number}@gcp-sa-pubsub.iam.gserviceaccount.com"
}

resource "google_pubsub_subscription_iam_member" "undelivered" {
  for_each = google_pubsub_subscription.changes

  subscription = each.value.name
  role         = "roles/pubsub.subscriber"
  member       = "serviceAccount:service-${data.google_project.this.number}@gcp-sa-pubsub.iam.gserviceaccount.com"
}
