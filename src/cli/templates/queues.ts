import type { Template } from "./template.ts";

/** The sensor of all templates that post a message; `dataKey` is where its text is. */
const sensor = (source: string, dataKey: string): string => `apiVersion: argoproj.io/v1alpha1
kind: Sensor
metadata:
  name: orders
spec:
  dependencies:
    - name: order
      eventSourceName: ${source}
      eventName: order
  triggers:
    - template:
        name: post-it
        http:
          url: http://127.0.0.1:8080/orders
          method: POST
          payload:
            - src:
                dependencyName: order
                dataKey: ${dataKey}
                useRawData: true
              dest: order
      # without it an answer of 500 is final
      retryStrategy:
        steps: 5
        duration: 1s
        factor: 2
        jitter: 0.2
`;

const test = (source: string, data: string): string => `tests:
  - name: an order is posted, also when the service is away for a moment
    given:
      - source: ${source}/order
        data: ${data}
    outcomes:
      post-it: [{ error: connection refused }, { status: 503 }, { status: 200 }]
    expect:
      fires:
        - trigger: post-it
          times: 1
          attempts: 3
          state: done
          rendered:
            method: POST
            body: { order: { id: 7 } }
`;

const service = "a service that takes POST at http://127.0.0.1:8080/orders: change `url` in sensor.yaml";

export const sqsHttp: Template = {
  name: "sqs-http",
  summary: "Messages of an SQS queue are posted to a service",
  needs: [
    "a queue `orders` in us-east-1, and AWS credentials where the AWS tools look for them",
    "`npm install @aws-sdk/client-sqs`",
    service,
  ],
  firstEvent: [
    "# in another terminal: the first event",
    `aws sqs send-message --message-body '{"id":7}' --queue-url \\`,
    '  "$(aws sqs get-queue-url --queue-name orders --query QueueUrl --output text)"',
  ],
  eventSource: `apiVersion: argoproj.io/v1alpha1
kind: EventSource
metadata:
  name: queue
spec:
  sqs:
    order:
      region: us-east-1
      queue: orders
      waitTimeSeconds: 20
      # the body is JSON: filters and parameters see its fields
      jsonBody: true
`,
  sensor: sensor("queue", "body"),
  test: test("queue", "{ messageId: m1, body: { id: 7 } }"),
};

export const snsHttp: Template = {
  name: "sns-http",
  summary: "Notifications of an SNS topic are posted to a service",
  needs: [
    "a topic `orders`: change `topicArn`, and `url` to where SNS reaches this machine",
    "`npm install @aws-sdk/client-sns`, and AWS credentials where the AWS tools look for them",
    service,
  ],
  firstEvent: [
    "# in another terminal: the first event",
    `aws sns publish --message '{"id":7}' --topic-arn arn:aws:sns:us-east-1:123456789012:orders`,
  ],
  eventSource: `apiVersion: argoproj.io/v1alpha1
kind: EventSource
metadata:
  name: topic
spec:
  sns:
    order:
      region: us-east-1
      topicArn: arn:aws:sns:us-east-1:123456789012:orders
      validateSignature: true
      webhook:
        endpoint: /orders
        method: POST
        port: "12000"
        # SNS sends to this address, from outside
        url: https://events.example.com
`,
  sensor: sensor("topic", "body.Message"),
  test: test("topic", `{ header: {}, body: { Type: Notification, MessageId: m1, Message: '{"id":7}' } }`),
};

export const redisHttp: Template = {
  name: "redis-http",
  summary: "Entries of a Redis stream are posted to a service",
  needs: ["Redis at 127.0.0.1:6379", "`npm install ioredis`", service],
  firstEvent: ["# in another terminal: the first event", `redis-cli XADD orders '*' order '{"id":7}'`],
  eventSource: `apiVersion: argoproj.io/v1alpha1
kind: EventSource
metadata:
  name: stream
spec:
  redisStream:
    order:
      hostAddress: 127.0.0.1:6379
      streams:
        - orders
`,
  sensor: sensor("stream", "values.order"),
  test: test("stream", `{ stream: orders, message_id: 1-0, values: { order: '{"id":7}' } }`),
};
