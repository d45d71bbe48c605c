import { choice, flag, list, map, object, optional, secretRef, text, whole } from "../../kit/fields.ts";
import { badValue, basicAuthRules, needs, present, saslRules, someOf, tlsRules } from "../../kit/rules.ts";
import {
  artifactLocation,
  backoff,
  natsAuth,
  saslConfig,
  schemaRegistry,
  secureHeader,
  tlsConfig,
  triggerParameters,
} from "../../kit/schemas.ts";
import { type DescribedType, describe, toggle, word } from "./described.ts";

const payload = optional(triggerParameters({ description: "Builds the body." }));
const parameters = optional(triggerParameters({ description: "Values of the events put into this type's fields." }));
const tls = optional(tlsConfig({ description: "TLS towards the server." }));

const argoWorkflow = describe({
  kind: "argoWorkflow",
  title: "Argo Workflow",
  summary: "Submits or steers a workflow.",
  config: object(
    {
      source: optional(artifactLocation({ description: "Where the workflow stands." })),
      operation: optional(
        choice(["submit", "submit-from", "resubmit", "resume", "retry", "suspend", "terminate", "stop"], {
          description: "What to do.",
        }),
      ),
      parameters: optional(triggerParameters({ description: "Values of the events put into the workflow." })),
      args: optional(
        list(text({ description: "Argument." }), { description: "Further arguments of the argo command." }),
      ),
    },
    { description: "A workflow." },
  ),
  lint: (config) => needs(config, ["source", "operation"]),
});

const awsLambda = describe({
  kind: "awsLambda",
  title: "AWS Lambda",
  summary: "Invokes a function.",
  config: object(
    {
      functionName: word("Function."),
      accessKey: optional(secretRef({ description: "Access key id." })),
      secretKey: optional(secretRef({ description: "Secret access key." })),
      region: word("Region."),
      payload,
      parameters,
      invocationType: optional(
        choice(["", "RequestResponse", "Event", "DryRun"], { description: "RequestResponse by default." }),
      ),
      roleARN: word("Role to assume."),
    },
    { description: "An AWS Lambda function." },
  ),
  lint: (config) => needs(config, ["functionName", "region", "payload"]),
});

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
    ...needs(config, ["url", "topic", "payload"]),
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
    ...needs(config, ["url", "subject", "payload"]),
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
  lint: (config) => [...needs(config, ["url", "topic"]), ...tlsRules(config.tls, ["tls"])],
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
  lint: (config) => needs(config, ["fqdn", "hubName"]),
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
  lint: (config) => [...someOf(config, ["queueName", "topicName"]), ...tlsRules(config.tls, ["tls"])],
});

const openWhisk = describe({
  kind: "openWhisk",
  title: "OpenWhisk",
  summary: "Invokes an action.",
  config: object(
    {
      host: word("Host."),
      version: word("API version; v1 by default."),
      namespace: word("Namespace; _ by default."),
      authToken: optional(secretRef({ description: "Token." })),
      actionName: word("Action."),
      payload,
      parameters,
    },
    { description: "An OpenWhisk action." },
  ),
  lint: (config) => needs(config, ["host", "actionName", "payload"]),
});

const slack = describe({
  kind: "slack",
  title: "Slack",
  summary: "Sends a message.",
  config: object(
    {
      parameters,
      slackToken: optional(secretRef({ description: "Token of the app." })),
      channel: word("Channel."),
      message: word("Text."),
      attachments: word("Attachments, as JSON text."),
      blocks: word("Blocks, as JSON text."),
      thread: optional(
        object(
          {
            messageAggregationKey: word("Messages of one key make a thread."),
            broadcastMessageToChannel: toggle("Also show it in the channel."),
          },
          { description: "Thread." },
        ),
      ),
      sender: optional(
        object({ username: word("Name shown."), icon: word("Icon: an emoji or a URL.") }, { description: "Sender." }),
      ),
    },
    { description: "A Slack message." },
  ),
  lint: (config) => needs(config, ["slackToken"]),
});

const email = describe({
  kind: "email",
  title: "Email",
  summary: "Sends a mail to each address.",
  config: object(
    {
      parameters,
      username: word("User name."),
      smtpPassword: optional(secretRef({ description: "Password." })),
      host: word("SMTP server."),
      port: optional(whole({ description: "Its port." })),
      to: optional(list(text({ description: "Address." }), { description: "Addresses." })),
      from: word("Sender."),
      subject: word("Subject."),
      body: word("Text."),
    },
    { description: "A mail." },
  ),
  lint(config) {
    const found = needs(config, ["host"]);
    if (config.port !== undefined && (config.port < 0 || config.port > 65_535)) {
      found.push(badValue(["port"], `${config.port} is no port`, "Write a number from 0 to 65535."));
    }
    return found;
  },
});

const custom = describe({
  kind: "custom",
  title: "Custom",
  summary: "Calls a gRPC server of your own.",
  config: object(
    {
      serverURL: word("Address of the gRPC server."),
      secure: optional(flag({ description: "With TLS; needs certSecret." })),
      certSecret: optional(secretRef({ description: "CA certificate (PEM)." })),
      serverNameOverride: word("Name in the certificate."),
      spec: optional(map(text({ description: "Value." }), { description: "What the server is given." })),
      parameters,
      payload,
    },
    { description: "A gRPC trigger server." },
  ),
  lint(config) {
    const found = [...needs(config, ["serverURL"]), ...someOf(config, ["spec"])];
    if (config.secure && !present(config.certSecret)) found.push(...needs(config, ["certSecret"]));
    return found;
  },
});

/** The trigger types without a connector yet. */
export const describedTriggers: readonly DescribedType[] = [
  argoWorkflow,
  awsLambda,
  azureEventHubs,
  azureServiceBus,
  kafka,
  pulsar,
  nats,
  slack,
  openWhisk,
  custom,
  email,
];
