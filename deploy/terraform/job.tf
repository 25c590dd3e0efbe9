# The job, once there are an image, a template, rules and keys. A change of parameters updates the running job in place
# (docs/deploy-dataflow.md: what an update may change).
resource "google_dataflow_flex_template_job" "segments" {
  provider = google-beta
  count    = var.image == "" ? 0 : 1

  name                    = var.name
  region                  = var.region
  container_spec_gcs_path = var.template

  # Not "cancel": that would throw state away that a drain still settles.
  on_delete = "drain"

  parameters = {
    rules                = var.rules
    events               = "pubsub://${var.project}/subscriptions/${google_pubsub_subscription.events.name}"
    changes              = "pubsub://${var.project}/topics/${google_pubsub_topic.output["changes"].name}"
    dead_letters         = "pubsub://${var.project}/topics/${google_pubsub_topic.output["changes.dead-letters"].name}"
    audit                = "pubsub://${var.project}/topics/${google_pubsub_topic.output["audit"].name}"
    shards               = tostring(var.shards)
    state_key_secret     = "${google_secret_manager_secret.key["state"].id}/versions/${var.key_versions.state}"
    pseudonym_key_secret = "${google_secret_manager_secret.key["pseudonym"].id}/versions/${var.key_versions.pseudonym}"
    new_pseudonym_key    = var.new_pseudonym_key
    sdk_container_image  = var.image
  }

  service_account_email   = google_service_account.worker.email
  subnetwork              = var.subnetwork
  ip_configuration        = "WORKER_IP_PRIVATE"
  machine_type            = var.machine_type
  max_workers             = var.max_workers
  staging_location        = "${google_storage_bucket.this["staging"].url}/staging"
  temp_location           = "${google_storage_bucket.this["temp"].url}/temp"
  enable_streaming_engine = true

  lifecycle {
    precondition {
      condition     = startswith(var.template, "gs://") && startswith(var.rules, "gs://")
      error_message = "With an image, template and rules have to be named too, each gs://…"
    }
  }

  depends_on = [
    google_artifact_registry_repository_iam_member.worker,
    google_project_iam_member.tracking,
    google_project_iam_member.worker,
    google_pubsub_subscription_iam_member.events,
    google_pubsub_topic_iam_member.outputs,
    google_pubsub_topic_iam_member.tracking,
    google_secret_manager_secret_iam_member.worker,
    google_storage_bucket_iam_member.worker,
  ]
}
