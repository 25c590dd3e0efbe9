output "events_topic" {
  description = "Where producers publish, as `segments` writes it."
  value       = "pubsub://${var.project}/topics/${google_pubsub_topic.events.name}"
}

output "subscriptions" {
  description = "Who reads the changes where."
  value       = { for name, each in google_pubsub_subscription.changes : name => each.id }
}

output "worker" {
  description = "The account that the job runs as."
  value       = google_service_account.worker.email
}

output "repository" {
  description = "Where the image goes."
  value       = "${var.region}-docker.pkg.dev/${var.project}/${google_artifact_registry_repository.images.repository_id}"
}

output "buckets" {
  description = "By use, gs://…"
  value       = { for use, each in google_storage_bucket.this : use => each.url }
}

output "secrets" {
  description = "Names of the secrets that hold the keys."
  value       = { for key, each in google_secret_manager_secret.key : key => each.secret_id }
}
