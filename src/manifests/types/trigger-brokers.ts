import { list, map, object, optional, secretRef, text, whole } from "../../kit/fields.ts";
import { allOrNone, badValue, basicAuthRules, exactlyOne, needs, saslRules, tlsRules } from "../../kit/rules.ts";
import { backoff, natsAuth, saslConfig, schemaRegistry, secureHeader } from "../../kit/schemas.ts";
import { parseDurationMs } from "../../lib/duration.ts";
import { type DescribedType, describe, toggle, word } from "./described.ts";
import { parameters, payload, payloadRule, tls } from "./trigger-fields.ts";

const kafka = describe({
  kind: "kafka",
  title: "Kafka",
  summary: "Produces a message.",
  config: object(
    {
      url: word("Brokers, separated by commas."),
      topic: word("Topic."),
      partition: optional(whole({ description: "Without effect, as in Argo Events." })),
      parameters,
      requiredAcks: optional(whole({ description: "0, 1 or -1 (all)." })),
      compress: toggle("Compress with snappy."),
      flushFrequency: optional(whole({ description: "Milliseconds between flushes." })),
      tls,
      payload,
      partitioningKey: word("Key of the message."),
      version: word("Version of the protocol; 1.0.0 by default."),
      sasl: optional(saslConfig({ description: "SASL." })),
      schemaRegistry: optional(schemaRegistry({ description: "Registry of Avro schemas." })),
      headers: optional(map(text({ description: "Value." }), { description: "Headers." })),
      secureHeaders: optional(
        list(secureHeader({ description: "A header." }), { description: "Headers from Secrets." }),
      ),
    },
    { description: "A Kafka message." },
  ),
  lint: (config) => [
    ...needs(config, ["url", "topic"]),
    ...payloadRule(config),
    ...tlsRules(config.tls, ["tls"]),
    ...saslRules(config.sasl, ["sasl"]),
  ],
});

const nats = describe({
  kind: "nats",
  title: "NATS",
  summary: "Publishes a message.",
  config: object(
    {
      url: word("URL of the server."),
      subject: word("Subject."),
      payload,
      parameters,
      tls,
      auth: optional(natsAuth({ description: "How to authenticate." })),
    },
    { description: "A NATS message." },
  ),
  lint: (config) => [
    ...needs(config, ["url", "subject"]),
    ...payloadRule(config),
    ...tlsRules(config.tls, ["tls"]),
    ...basicAuthRules(config.auth?.basic, ["auth", "basic"]),
  ],
});

const pulsar = describe({
  kind: "pulsar",
  title: "Pulsar",
  summary: "Produces a message.",
  config: object(
    {
      url: word("URL of the service."),
      topic: word("Topic."),
      parameters,
      payload,
      tlsTrustCertsSecret: optional(secretRef({ description: "CA certificate (PEM)." })),
      tlsAllowInsecureConnection: toggle("Accept any certificate."),
      tlsValidateHostname: toggle("The certificate must be for the host."),
      tls,
      authTokenSecret: optional(secretRef({ description: "Token." })),
      authAthenzParams: optional(map(text({ description: "Value." }), { description: "Parameters of Athenz." })),
      authAthenzSecret: optional(secretRef({ description: "Private key for Athenz." })),
      connectionBackoff: optional(backoff({ description: "Pauses between tries to connect." })),
    },
    { description: "A Pulsar message." },
  ),
  lint: (config) => [
    ...needs(config, ["url", "topic"]),
    ...tlsRules(config.tls, ["tls"]),
    ...durationRule(config.connectionBackoff?.duration),
  ],
});

const azureEventHubs = describe({
  kind: "azureEventHubs",
  title: "Azure Event Hubs",
  summary: "Sends an event to a hub.",
  config: object(
    {
      fqdn: word("Host name of the namespace."),
      hubName: word("Name of the hub."),
      sharedAccessKeyName: optional(secretRef({ description: "Name of the shared access key." })),
      sharedAccessKey: optional(secretRef({ description: "Shared access key." })),
      payload,
      parameters,
    },
    { description: "An event of Azure Event Hubs." },
  ),
  lint: (config) => [
    ...needs(config, ["fqdn", "hubName"]),
    ...allOrNone(config, ["sharedAccessKeyName", "sharedAccessKey"]),
  ],
});

const azureServiceBus = describe({
  kind: "azureServiceBus",
  title: "Azure Service Bus",
  summary: "Sends a message to a queue or topic.",
  config: object(
    {
      connectionString: optional(secretRef({ description: "Connection string." })),
      queueName: word("Queue."),
      topicName: word("Topic."),
      subscriptionName: word("Without effect, as in Argo Events."),
      tls,
      payload,
      parameters,
    },
    { description: "A message of Azure Service Bus." },
  ),
  lint: (config) => [
    ...needs(config, ["connectionString"]),
    ...exactlyOne(config, ["queueName", "topicName"]),
    ...tlsRules(config.tls, ["tls"]),
  ],
});

function durationRule(duration: string | number | undefined) {
  if (typeof duration !== "string" || parseDurationMs(duration) !== undefined) return [];
  const message = `${JSON.stringify(duration)} is no duration`;
  return [badValue(["connectionBackoff", "duration"], message, "Write it as 10s, 5m or 1h30m.")];
}

/** Triggers that send a message to a broker. */
export const brokerTriggers: readonly DescribedType[] = [kafka, nats, pulsar, azureEventHubs, azureServiceBus];
