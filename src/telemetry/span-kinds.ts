import type { SpanKind } from "./span.ts";

/** Source types that others call over HTTP: their arrival is the serving of a request. */
export const httpTypes: ReadonlySet<string> = new Set([
  "webhook",
  "cloudEvents",
  "sns",
  "eventBridge",
  "github",
  "gitlab",
  "bitbucket",
  "bitbucketserver",
  "gerrit",
  "slack",
  "stripe",
  "storageGrid",
]);

/** `messaging.system.name` of a source type, by the conventions' own word where they have one; undefined: it is no such system. */
export function systemOf(type: string): string | undefined {
  return systems.get(type);
}

const systems: ReadonlyMap<string, string> = new Map([
  ["sqs", "aws_sqs"],
  ["sns", "aws.sns"],
  ["eventBridge", "aws.eventbridge"],
  ["kafka", "kafka"],
  ["amqp", "rabbitmq"],
  ["redis", "redis"],
  ["redisStream", "redis"],
  ["nats", "nats"],
  ["jetstream", "nats"],
  ["nsq", "nsq"],
  ["mqtt", "mqtt"],
  ["pulsar", "pulsar"],
  ["pubsub", "gcp_pubsub"],
  ["azureServiceBus", "servicebus"],
  ["azureEventsHub", "eventhubs"],
  ["azureQueueStorage", "azure_queue_storage"],
  ["emitter", "emitter"],
]);

/** The kind of the attempts of a trigger type: a send of a message, something in this process, else the call of a client. */
export function attemptKind(type: string): SpanKind {
  return attemptKinds.get(type) ?? (type === "" ? "internal" : "client");
}

const attemptKinds: ReadonlyMap<string, SpanKind> = new Map([
  ["sqs", "producer"],
  ["sns", "producer"],
  ["eventBridge", "producer"],
  ["event", "producer"],
  ["kafka", "producer"],
  ["nats", "producer"],
  ["pulsar", "producer"],
  ["azureEventHubs", "producer"],
  ["azureServiceBus", "producer"],
  ["log", "internal"],
  ["function", "internal"],
]);
