locals {
  # What lies in staging is the graph and the options of running jobs; what lies in temp is of no use after a day.
  buckets = {
    staging = { versioning = false, days = null }
    temp    = { versioning = false, days = 2 }
    config  = { versioning = true, days = null }
  }
}

resource "google_storage_bucket" "this" {
  for_each = local.buckets

  name                        = "${var.project}-${var.name}-${each.key}"
  location                    = var.region
  uniform_bucket_level_access = true
  public_access_prevention    = "enforced"

  versioning {
    enabled = each.value.versioning
  }

  # Dataflow writes and removes many small files; to keep the removed ones would only cost.
  dynamic "soft_delete_policy" {
    for_each = each.value.versioning ? [] : [0]
    content {
      retention_duration_seconds = soft_delete_policy.value
    }
  }

  dynamic "lifecycle_rule" {
    for_each = each.value.days == null ? [] : [each.value.days]
    content {
      condition {
        age = lifecycle_rule.value
      }
      action {
        type = "Delete"
      }
    }
  }

  depends_on = [google_project_service.needed]
}
