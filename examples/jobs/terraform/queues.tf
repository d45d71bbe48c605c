# Two queues, and one dead-letter queue that serves both.

resource "aws_sqs_queue" "ingester" {
  name                       = "ingester"
  visibility_timeout_seconds = var.visibility_timeout_seconds
  message_retention_seconds  = 4 * 86400
  receive_wait_time_seconds  = 20
  sqs_managed_sse_enabled    = true

  redrive_policy = jsonencode({
    deadLetterTargetArn = aws_sqs_queue.dead.arn
    maxReceiveCount     = var.max_receive_count
  })
}

resource "aws_sqs_queue" "todo" {
  name                       = "jobs-todo"
  visibility_timeout_seconds = var.visibility_timeout_seconds
  message_retention_seconds  = 4 * 86400
  receive_wait_time_seconds  = 20
  sqs_managed_sse_enabled    = true

  redrive_policy = jsonencode({
    deadLetterTargetArn = aws_sqs_queue.dead.arn
    maxReceiveCount     = var.max_receive_count
  })
}

# The time that a message lay in its first queue counts against this: it is longer than theirs.
resource "aws_sqs_queue" "dead" {
  name                      = "jobs-dead"
  message_retention_seconds = 14 * 86400
  sqs_managed_sse_enabled   = true
}

resource "aws_sqs_queue_redrive_allow_policy" "dead" {
  queue_url = aws_sqs_queue.dead.id

  redrive_allow_policy = jsonencode({
    redrivePermission = "byQueue"
    sourceQueueArns   = [aws_sqs_queue.ingester.arn, aws_sqs_queue.todo.arn]
  })
}

# The rule, and no other, may put what is on the bus into these.
data "aws_iam_policy_document" "from_rule" {
  for_each = {
    ingester = aws_sqs_queue.ingester.arn
    dead     = aws_sqs_queue.dead.arn
  }

  statement {
    sid       = "FromTheRule"
    actions   = ["sqs:SendMessage"]
    resources = [each.value]

    principals {
      type        = "Service"
      identifiers = ["events.amazonaws.com"]
    }

    condition {
      test     = "ArnEquals"
      variable = "aws:SourceArn"
      values   = [aws_cloudwatch_event_rule.jobs.arn]
    }
  }
}

resource "aws_sqs_queue_policy" "ingester" {
  queue_url = aws_sqs_queue.ingester.id
  policy    = data.aws_iam_policy_document.from_rule["ingester"].json
}

resource "aws_sqs_queue_policy" "dead" {
  queue_url = aws_sqs_queue.dead.id
  policy    = data.aws_iam_policy_document.from_rule["dead"].json
}
