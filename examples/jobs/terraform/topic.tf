# Told of each failure, by tidemill, and of messages that wait in the dead-letter queue, by CloudWatch.

resource "aws_sns_topic" "failed" {
  name = "${var.name}-failed"
}

data "aws_iam_policy_document" "topic" {
  statement {
    sid       = "FromTheAlarm"
    actions   = ["sns:Publish"]
    resources = [aws_sns_topic.failed.arn]

    principals {
      type        = "Service"
      identifiers = ["cloudwatch.amazonaws.com"]
    }

    condition {
      test     = "ArnEquals"
      variable = "aws:SourceArn"
      values   = [aws_cloudwatch_metric_alarm.dead.arn]
    }
  }
}

resource "aws_sns_topic_policy" "failed" {
  arn    = aws_sns_topic.failed.arn
  policy = data.aws_iam_policy_document.topic.json
}

resource "aws_sns_topic_subscription" "email" {
  count = var.alert_email == "" ? 0 : 1

  topic_arn = aws_sns_topic.failed.arn
  protocol  = "email"
  endpoint  = var.alert_email
}

resource "aws_cloudwatch_metric_alarm" "dead" {
  alarm_name          = "${var.name}-dead-letters"
  alarm_description   = "Messages wait in the dead-letter queue: look at them, and move them back with StartMessageMoveTask."
  namespace           = "AWS/SQS"
  metric_name         = "ApproximateNumberOfMessagesVisible"
  dimensions          = { QueueName = aws_sqs_queue.dead.name }
  statistic           = "Maximum"
  period              = 60
  evaluation_periods  = 1
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  treat_missing_data  = "notBreaching"
  alarm_actions       = [aws_sns_topic.failed.arn]
}
