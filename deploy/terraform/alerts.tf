locals {
  job          = "resource.type = \"dataflow_job\" AND resource.labels.job_name = \"${var.name}\""
  subscription = "resource.type = \"pubsub_subscription\" AND resource.labels.subscription_id = "
  topic        = "resource.type = \"pubsub_topic\" AND resource.labels.topic_id = "

  # A job can run and stand still, so what counts is the age of what it should have done.
  alerts = {
    failed = {
      title   = "the job has failed"
      filter  = "${local.job} AND metric.type = \"dataflow.googleapis.com/job/is_failed\""
      aligner = "ALIGN_MAX", limit = 0, duration = "0s"
    }
    stands_still = {
      title   = "event time has not moved for 10 minutes: no tick settles"
      filter  = "${local.job} AND metric.type = \"dataflow.googleapis.com/job/data_watermark_age\""
      aligner = "ALIGN_MAX", limit = 600, duration = "300s"
    }
    lags = {
      title   = "events wait for more than 2 minutes inside the job"
      filter  = "${local.job} AND metric.type = \"dataflow.googleapis.com/job/system_lag\""
      aligner = "ALIGN_MAX", limit = 120, duration = "300s"
    }
    backlog = {
      title   = "the oldest event has waited for 5 minutes to be read"
      filter  = "${local.subscription}\"${google_pubsub_subscription.events.name}\" AND metric.type = \"pubsub.googleapis.com/subscription/oldest_unacked_message_age\""
      aligner = "ALIGN_MAX", limit = 300, duration = "300s"
    }
    dead_letters = {
      title   = "more than 1 dead letter a second"
      filter  = "${local.topic}\"${google_pubsub_topic.output["changes.dead-letters"].name}\" AND metric.type = \"pubsub.googleapis.com/topic/send_request_count\""
      aligner = "ALIGN_RATE", limit = 1, duration = "300s"
    }
  }
}

resource "google_monitoring_alert_policy" "this" {
  for_each = local.alerts

  display_name = "${var.name}: ${each.value.title}"
  combiner     = "OR"

  conditions {
    display_name = each.value.title

    condition_threshold {
      filter          = each.value.filter
      comparison      = "COMPARISON_GT"
      threshold_value = each.value.limit
      duration        = each.value.duration

      aggregations {
        alignment_period   = "60s"
        per_series_aligner = each.value.aligner
      }
    }
  }

  documentation {
    content   = "What to do: docs/deploy-dataflow.md, Alerts, ${each.key}."
    mime_type = "text/markdown"
  }

  notification_channels = var.alert_channels

  depends_on = [google_project_service.needed]
}

resource "google_monitoring_alert_policy" "undelivered" {
  for_each = var.subscribers

  display_name = "${var.name}: ${each.key} could not handle changes"
  combiner     = "OR"

  conditions {
    display_name = "messages that ${each.key} gave up on"

    condition_threshold {
      filter          = "${local.subscription}\"${google_pubsub_subscription.undelivered[each.key].name}\" AND metric.type = \"pubsub.googleapis.com/subscription/num_undelivered_messages\""
      comparison      = "COMPARISON_GT"
      threshold_value = 0
      duration        = "0s"

      aggregations {
        alignment_period   = "60s"
        per_series_aligner = "ALIGN_MAX"
      }
    }
  }

  documentation {
    content   = "What to do: docs/deploy-dataflow.md, Alerts, undelivered."
    mime_type = "text/markdown"
  }

  notification_channels = var.alert_channels

  depends_on = [google_project_service.needed]
}
