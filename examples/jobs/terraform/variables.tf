variable "region" {
  description = "Where everything is made."
  type        = string
  default     = "us-east-1"
}

variable "name" {
  description = "Begins the names of the bus, the topic and the roles. The queues are named as the manifests name them."
  type        = string
  default     = "jobs"

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,30}$", var.name))
    error_message = "Lower-case letters, digits and dashes, at most 31 of them, beginning with a letter."
  }
}

variable "max_receive_count" {
  description = "How often a message is given out before its queue moves it to the dead-letter queue."
  type        = number
  default     = 3

  validation {
    condition     = var.max_receive_count >= 1 && var.max_receive_count <= 1000
    error_message = "From 1 to 1000."
  }
}

variable "visibility_timeout_seconds" {
  description = "How long a message is hidden from others once it was given out. tidemill extends it while it works."
  type        = number
  default     = 30
}

variable "runner_trust" {
  description = "Who may take the role of tidemill: services such as ec2.amazonaws.com or ecs-tasks.amazonaws.com."
  type        = list(string)
  default     = ["ecs-tasks.amazonaws.com"]
}

variable "producer_principals" {
  description = "ARNs of the users and roles that may take the role of a producer."
  type        = list(string)
  default     = []
}

variable "alert_email" {
  description = "Told of each failure and when messages lie in the dead-letter queue; nobody if empty."
  type        = string
  default     = ""
}
