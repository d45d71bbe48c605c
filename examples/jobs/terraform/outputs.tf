output "event_bus_name" {
  description = "For producers: EventBusName of PutEvents."
  value       = aws_cloudwatch_event_bus.jobs.name
}

output "topic_arn" {
  description = "For the Secret jobs-topic of the manifests."
  value       = aws_sns_topic.failed.arn
}

output "queue_urls" {
  description = "The manifests name the queues; these are for the command line."

  value = {
    ingester  = aws_sqs_queue.ingester.url
    jobs_todo = aws_sqs_queue.todo.url
    jobs_dead = aws_sqs_queue.dead.url
  }
}

output "runner_role_arn" {
  description = "The role for tidemill."
  value       = aws_iam_role.runner.arn
}

output "producer_role_arn" {
  description = "The role for producers; null unless producer_principals names some."
  value       = one(aws_iam_role.producer[*].arn)
}

output "operator_policy_arn" {
  description = "To be attached to whoever looks at dead letters."
  value       = aws_iam_policy.operator.arn
}
