# Producers put events on this bus; the rule hands those of source "jobs" to the queue of the ingester.

resource "aws_cloudwatch_event_bus" "jobs" {
  name = var.name
}

resource "aws_cloudwatch_event_rule" "jobs" {
  name           = "${var.name}-to-ingester"
  description    = "The same pattern as in manifests/local.yaml."
  event_bus_name = aws_cloudwatch_event_bus.jobs.name
  event_pattern  = jsonencode({ source = ["jobs"] })
}

resource "aws_cloudwatch_event_target" "ingester" {
  rule           = aws_cloudwatch_event_rule.jobs.name
  event_bus_name = aws_cloudwatch_event_bus.jobs.name
  target_id      = "ingester"
  arn            = aws_sqs_queue.ingester.arn

  # what the bus cannot deliver ends in the same place as what cannot be worked
  dead_letter_config {
    arn = aws_sqs_queue.dead.arn
  }

  retry_policy {
    maximum_event_age_in_seconds = 86400
    maximum_retry_attempts       = 185
  }
}
