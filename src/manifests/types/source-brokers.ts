import { list, map, object, optional, secretRef, text, whole } from "../../kit/fields.ts";
import { badValue, basicAuthRules, exactlyOne, missing, needs, present, saslRules, tlsRules } from "../../kit/rules.ts";
import { basicAuth, natsAuth, saslConfig, schemaRegistry } from "../../kit/schemas.ts";
import { brokerFields, type DescribedType, describe, toggle, word } from "./described.ts";

const amqp = describe({
  kind: "amqp",
  title: "AMQP 0.9.1",
  summary: "Consumes a queue of RabbitMQ or another AMQP 0.9.1 broker.",
  config: object(
    {
      ...brokerFields,
      url: word("URL of the broker."),
      urlSecret: optional(secretRef({ description: "URL of the broker, when it holds a password." })),
      exchangeName: word("Name of the exchange."),
      exchangeType: word("fanout, direct, topic, headers or x-delayed-message."),
      routingKey: word("Routing key of the binding."),
      auth: optional(basicAuth({ description: "User name and password." })),
      exchangeDeclare: optional(
        object(
          {
            durable: toggle("Outlives a restart of the broker."),
            autoDelete: toggle("Goes with its last binding."),
            internal: toggle("Takes no messages from publishers."),
            noWait: toggle("Do not wait for the broker's answer."),
          },
          { description: "How the exchange is declared." },
        ),
      ),
      queueDeclare: optional(
        object(
          {
            name: word("Name of the queue; empty: the broker makes one."),
            durable: toggle("Outlives a restart of the broker."),
            autoDelete: toggle("Goes with its last consumer."),
            exclusive: toggle("For this connection alone."),
            noWait: toggle("Do not wait for the broker's answer."),
            arguments: word("Further arguments, as YAML text."),
          },
          { description: "How the queue is declared." },
        ),
      ),
      queueBind: optional(
        object({ noWait: toggle("Do not wait for the broker's answer.") }, { description: "How the queue is bound." }),
      ),
      consume: optional(
        object(
          {
            consumerTag: word("Name of the consumer."),
            autoAck: toggle("The broker forgets a message as soon as it is sent."),
            exclusive: toggle("The only consumer of the queue."),
            noLocal: toggle("No messages of this connection."),
            noWait: toggle("Do not wait for the broker's answer."),
          },
          { description: "How the queue is consumed." },
        ),
      ),
    },
    { description: "An AMQP subscription." },
  ),
  lint: (config) => [
    ...exactlyOne(config, ["url", "urlSecret"]),
    ...needs(config, ["routingKey", "exchangeType"]),
    ...tlsRules(config.tls, ["tls"]),
    ...basicAuthRules(config.auth, ["auth"]),
  ],
});

const kafka = describe({
  kind: "kafka",
  title: "Kafka",
  summary: "Reads a topic, alone or as a member of a consumer group.",
  config: object(
    {
      ...brokerFields,
      url: word("Brokers, separated by commas."),
      topic: word("Topic."),
      partition: word("Partition to read without a group, as text."),
      consumerGroup: optional(
        object(
          {
            groupName: word("Name of the group."),
            oldest: toggle("A new group begins with the oldest message."),
            rebalanceStrategy: word("range (default), sticky or roundrobin."),
          },
          { description: "Group to read with." },
        ),
      ),
      limitEventsPerSecond: optional(whole({ description: "Most messages per second." })),
      version: word("Version of the protocol; 1.0.0 by default."),
      sasl: optional(saslConfig({ description: "SASL." })),
      config: word("Further settings, as YAML text."),
      schemaRegistry: optional(schemaRegistry({ description: "Registry of Avro schemas." })),
      awsMskIamAuth: optional(
        object({ region: word("AWS region.") }, { description: "IAM authentication of AWS MSK." }),
      ),
    },
    { description: "A Kafka subscription." },
  ),
  lint(config) {
    const found = needs(config, ["url", "topic"]);
    if (!present(config.partition) && config.consumerGroup === undefined) {
      found.push(missing([], "consumerGroup or partition is needed", "Add `consumerGroup: { groupName: … }`."));
    }
    found.push(...tlsRules(config.tls, ["tls"]), ...saslRules(config.sasl, ["sasl"]));
    if (config.awsMskIamAuth) found.push(...needs(config.awsMskIamAuth, ["region"], ["awsMskIamAuth"]));
    return found;
  },
});

const mqtt = describe({
  kind: "mqtt",
  title: "MQTT",
  summary: "Subscribes to an MQTT topic.",
  config: object(
    {
      ...brokerFields,
      url: word("URL of the broker."),
      topic: word("Topic."),
      clientId: word("Client id."),
      auth: optional(basicAuth({ description: "User name and password." })),
    },
    { description: "An MQTT subscription." },
  ),
  lint: (config) => [
    ...needs(config, ["url", "topic", "clientId"]),
    ...tlsRules(config.tls, ["tls"]),
    ...basicAuthRules(config.auth, ["auth"]),
  ],
});

const emitter = describe({
  kind: "emitter",
  title: "Emitter",
  summary: "Subscribes to a channel of emitter.io.",
  config: object(
    {
      ...brokerFields,
      broker: word("URL of the broker."),
      channelKey: word("Key of the channel."),
      channelName: word("Name of the channel."),
      username: optional(secretRef({ description: "User name." })),
      password: optional(secretRef({ description: "Password." })),
    },
    { description: "An Emitter subscription." },
  ),
  lint: (config) => [...needs(config, ["broker", "channelKey", "channelName"]), ...tlsRules(config.tls, ["tls"])],
});

const nats = describe({
  kind: "nats",
  title: "NATS",
  summary: "Subscribes to a NATS subject.",
  config: object(
    {
      ...brokerFields,
      url: word("URL of the server."),
      subject: word("Subject."),
      auth: optional(natsAuth({ description: "How to authenticate." })),
      queue: word("Queue group."),
    },
    { description: "A NATS subscription." },
  ),
  lint: (config) => [
    ...needs(config, ["url", "subject"]),
    ...(config.queue === ""
      ? [badValue(["queue"], "queue must not be empty", "Name the queue group or remove queue.")]
      : []),
    ...tlsRules(config.tls, ["tls"]),
    ...basicAuthRules(config.auth?.basic, ["auth", "basic"]),
  ],
});

const nsq = describe({
  kind: "nsq",
  title: "NSQ",
  summary: "Reads an NSQ channel.",
  config: object(
    {
      ...brokerFields,
      hostAddress: word("Host and port of nsqlookupd."),
      topic: word("Topic."),
      channel: word("Channel."),
    },
    { description: "An NSQ subscription." },
  ),
  lint: (config) => [...needs(config, ["hostAddress", "topic", "channel"]), ...tlsRules(config.tls, ["tls"])],
});

const pulsar = describe({
  kind: "pulsar",
  title: "Pulsar",
  summary: "Subscribes to Pulsar topics.",
  config: object(
    {
      ...brokerFields,
      topics: optional(list(text({ description: "A topic." }), { description: "Topics." })),
      type: word("exclusive or shared."),
      url: word("URL of the service."),
      tlsTrustCertsSecret: optional(secretRef({ description: "CA certificate (PEM)." })),
      tlsAllowInsecureConnection: toggle("Accept any certificate."),
      tlsValidateHostname: toggle("The certificate must be for the host."),
      authTokenSecret: optional(secretRef({ description: "Token." })),
      authAthenzParams: optional(map(text({ description: "Value." }), { description: "Parameters of Athenz." })),
      authAthenzSecret: optional(secretRef({ description: "Private key for Athenz." })),
    },
    { description: "A Pulsar subscription." },
  ),
  lint(config) {
    const found = needs(config, ["topics", "url"]);
    if (config.type !== "exclusive" && config.type !== "shared") {
      found.push(badValue(["type"], "type must be exclusive or shared", "Argo Events has no default: write one."));
    }
    found.push(...tlsRules(config.tls, ["tls"]));
    return found;
  },
});

const redis = describe({
  kind: "redis",
  title: "Redis publish/subscribe",
  summary: "Subscribes to Redis channels.",
  config: object(
    {
      ...brokerFields,
      hostAddress: word("Host and port."),
      password: optional(secretRef({ description: "Password." })),
      namespace: word("Namespace of the secret; Argo Events wants it with a password."),
      db: optional(whole({ description: "Database; 0 by default." })),
      channels: optional(list(text({ description: "A channel." }), { description: "Channels." })),
      username: word("User name."),
    },
    { description: "A Redis subscription." },
  ),
  lint(config) {
    const found = needs(config, ["hostAddress", "channels"]);
    if (config.password && !present(config.namespace)) {
      found.push(
        missing(["namespace"], "namespace is missing, which Argo Events wants with a password", "Add namespace."),
      );
    }
    found.push(...tlsRules(config.tls, ["tls"]));
    return found;
  },
});

const generic = describe({
  kind: "generic",
  title: "Generic",
  summary: "Takes a stream of events from a gRPC server of your own.",
  config: object(
    {
      ...brokerFields,
      url: word("Address of the gRPC server."),
      config: word("Text given to the server."),
      insecure: toggle("Without TLS."),
      authSecret: optional(secretRef({ description: "Token sent as `authorization: Bearer`." })),
    },
    { description: "A stream of a gRPC server." },
  ),
  lint: (config) => needs(config, ["url", "config"]),
});

export const brokerSources: readonly DescribedType[] = [amqp, kafka, mqtt, emitter, nats, nsq, pulsar, redis, generic];
