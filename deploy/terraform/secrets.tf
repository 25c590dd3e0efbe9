# The secrets without their values: those would lie in Terraform's state. docs/deploy-dataflow.md has the commands that
# put them in. A worker reads them when it starts, by the names and versions among the job's options.
resource "google_secret_manager_secret" "key" {
  for_each = toset(["state", "pseudonym"])

  secret_id = "${var.name}-${each.key}-key"

  replication {
    auto {}
  }

  # Without the state key all state is of no use, and everything would have to be computed anew.
  lifecycle {
    prevent_destroy = true
  }

  depends_on = [google_project_service.needed]
}

resource "google_secret_manager_secret_iam_member" "worker" {
  for_each = google_secret_manager_secret.key

  secret_id = each.value.id
  role      = "roles/secretmanager.secretAccessor"
  member    = google_service_account.worker.member
}
