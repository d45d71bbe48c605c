# Three roles, each with what it needs and nothing else.

data "aws_iam_policy_document" "runner_trust" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = var.runner_trust
    }
  }
}

# tidemill: takes from both queues, puts into the second, and tells the topic.
resource "aws_iam_role" "runner" {
  name               = "${var.name}-runner"
  assume_role_policy = data.aws_iam_policy_document.runner_trust.json
}

data "aws_iam_policy_document" "runner" {
  statement {
    sid = "TakeFromBothQueues"

    actions = [
      "sqs:ReceiveMessage",
      "sqs:DeleteMessage",
      "sqs:ChangeMessageVisibility",
      "sqs:GetQueueUrl",
      "sqs:GetQueueAttributes",
    ]

    resources = [aws_sqs_queue.ingester.arn, aws_sqs_queue.todo.arn]
  }

  statement {
    sid       = "PutIntoTheSecondQueue"
    actions   = ["sqs:SendMessage"]
    resources = [aws_sqs_queue.todo.arn]
  }

  # only the flow with dlqTrigger (manifests/dead-letters-by-trigger) puts messages there itself
  statement {
    sid       = "PutIntoTheDeadLetterQueue"
    actions   = ["sqs:SendMessage", "sqs:GetQueueUrl"]
    resources = [aws_sqs_queue.dead.arn]
  }

  statement {
    sid       = "TellTheTopic"
    actions   = ["sns:Publish"]
    resources = [aws_sns_topic.failed.arn]
  }
}

resource "aws_iam_role_policy" "runner" {
  name   = "queues-and-topic"
  role   = aws_iam_role.runner.id
  policy = data.aws_iam_policy_document.runner.json
}

# Producers: put events of source "jobs" on this bus, or a job directly into the second queue.
data "aws_iam_policy_document" "producer_trust" {
  count = length(var.producer_principals) == 0 ? 0 : 1

  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "AWS"
      identifiers = var.producer_principals
    }
  }
}

resource "aws_iam_role" "producer" {
  count = length(var.producer_principals) == 0 ? 0 : 1

  name               = "${var.name}-producer"
  assume_role_policy = data.aws_iam_policy_document.producer_trust[0].json
}

data "aws_iam_policy_document" "producer" {
  statement {
    sid       = "PutEvents"
    actions   = ["events:PutEvents"]
    resources = [aws_cloudwatch_event_bus.jobs.arn]

    condition {
      test     = "StringEquals"
      variable = "events:source"
      values   = ["jobs"]
    }
  }

  statement {
    sid       = "PutJobsDirectly"
    actions   = ["sqs:SendMessage", "sqs:GetQueueUrl"]
    resources = [aws_sqs_queue.todo.arn]
  }
}

resource "aws_iam_role_policy" "producer" {
  count = length(var.producer_principals) == 0 ? 0 : 1

  name   = "put-jobs"
  role   = aws_iam_role.producer[0].id
  policy = data.aws_iam_policy_document.producer.json
}

# For people: look at the dead letters and move them back to where they came from. Attach it to whoever is on call.
resource "aws_iam_policy" "operator" {
  name   = "${var.name}-operator"
  policy = data.aws_iam_policy_document.operator.json
}

data "aws_iam_policy_document" "operator" {
  statement {
    sid = "LookAtAndMoveDeadLetters"

    actions = [
      "sqs:ReceiveMessage",
      "sqs:DeleteMessage",
      "sqs:GetQueueUrl",
      "sqs:GetQueueAttributes",
      "sqs:ListDeadLetterSourceQueues",
      "sqs:StartMessageMoveTask",
      "sqs:ListMessageMoveTasks",
      "sqs:CancelMessageMoveTask",
    ]

    resources = [aws_sqs_queue.dead.arn]
  }

  statement {
    sid       = "MoveThemBack"
    actions   = ["sqs:SendMessage"]
    resources = [aws_sqs_queue.ingester.arn, aws_sqs_queue.todo.arn]
  }
}
