variable "project" {
  description = "Id of the project. One for this job alone: see the note on the tracking subscription in iam.tf."
  type        = string
}

variable "region" {
  description = "Region of everything, such as europe-west1."
  type        = string
}

variable "subnetwork" {
  description = "Subnetwork of the workers, regions/REGION/subnetworks/NAME; Private Google Access has to be on."
  type        = string
}

variable "name" {
  description = "Name of the job, and the beginning of all other names. Permanent: an update finds the job by it."
  type        = string
  default     = "segments"

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,20}[a-z0-9]$", var.name))
    error_message = "3 to 22 lower-case letters, digits and hyphens, and a letter first."
  }
}

variable "image" {
  description = "The image of launcher and workers by its digest, HOST/PROJECT/REPOSITORY/IMAGE@sha256:…; empty: no job yet."
  type        = string
  default     = ""

  validation {
    condition     = var.image == "" || can(regex("@sha256:[0-9a-f]{64}$", var.image))
    error_message = "An image is named by its digest: a tag may move under running workers."
  }
}

variable "template" {
  description = "Where `gcloud dataflow flex-template build` put the template, gs://BUCKET/FILE.json."
  type        = string
  default     = ""
}

variable "rules" {
  description = "The rules file, gs://BUCKET/FILE.yaml."
  type        = string
  default     = ""
}

variable "key_versions" {
  description = "Versions of the two secrets. The state key never changes: with another one every user is a new one."
  type        = object({ state = number, pseudonym = number })
  default     = { state = 1, pseudonym = 1 }
}

variable "new_pseudonym_key" {
  description = "accept while an update brings another version of the pseudonym key; refuse at all other times."
  type        = string
  default     = "refuse"
}

variable "shards" {
  description = "Fixed for as long as the job's state lives: 4 for each core that it may ever have."
  type        = number
  default     = 32
}

variable "max_workers" {
  description = "Workers at most; more than shards / 8 of two cores each have nothing to do."
  type        = number
  default     = 4
}

variable "machine_type" {
  description = "Machine type of the workers."
  type        = string
  default     = "n2-standard-2"
}

variable "subscribers" {
  description = "Names of those who read the changes, each of whom gets a subscription and its dead letters."
  type        = set(string)
  default     = ["profiles"]
}

variable "producers" {
  description = "Who may publish events, as IAM members (serviceAccount:…)."
  type        = set(string)
  default     = []
}

variable "alert_channels" {
  description = "Notification channels of the alerts, projects/PROJECT/notificationChannels/ID."
  type        = list(string)
  default     = []
}
