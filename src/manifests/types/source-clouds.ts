import { object, optional, secretRef, whole } from "../../kit/fields.ts";
import { allOrNone, conflict, missing, needs, present, someOf } from "../../kit/rules.ts";
import { brokerFields, type DescribedType, describe, toggle, word } from "./described.ts";

const azureEventsHub = describe({
  kind: "azureEventsHub",
  title: "Azure Event Hubs",
  summary: "Reads all partitions of a hub.",
  config: object(
    {
      ...brokerFields,
      fqdn: word("Host name of the namespace."),
      hubName: word("Name of the hub."),
      sharedAccessKeyName: optional(secretRef({ description: "Name of the shared access key." })),
      sharedAccessKey: optional(secretRef({ description: "Shared access key." })),
    },
    { description: "A hub of Azure Event Hubs." },
  ),
  lint: (config) => [
    ...needs(config, ["fqdn", "hubName"]),
    ...allOrNone(config, ["sharedAccessKeyName", "sharedAccessKey"]),
  ],
});

const azureServiceBus = describe({
  kind: "azureServiceBus",
  title: "Azure Service Bus",
  summary: "Receives from a queue or a topic's subscription.",
  config: object(
    {
      ...brokerFields,
      connectionString: optional(secretRef({ description: "Connection string." })),
      fullyQualifiedNamespace: word("Host name of the namespace, for the default Azure credential."),
      queueName: word("Queue."),
      topicName: word("Topic; needs subscriptionName."),
      subscriptionName: word("Subscription of the topic."),
      deferDelete: toggle("Messages are completed after they are on the bus."),
    },
    { description: "A queue or subscription of Azure Service Bus." },
  ),
  lint(config) {
    const found = someOf(config, ["connectionString", "fullyQualifiedNamespace"]);
    const topic = present(config.topicName) || present(config.subscriptionName);
    if (!present(config.queueName) && !topic) {
      found.push(missing([], "queueName, or topicName and subscriptionName, are needed", "Add one of the two."));
    } else if (present(config.queueName) && topic) {
      found.push(conflict(["queueName"], "queueName excludes topicName and subscriptionName", "Keep one of the two."));
    } else found.push(...allOrNone(config, ["topicName", "subscriptionName"]));
    return found;
  },
});

const azureQueueStorage = describe({
  kind: "azureQueueStorage",
  title: "Azure Queue Storage",
  summary: "Receives from a queue of a storage account.",
  config: object(
    {
      ...brokerFields,
      storageAccountName: word("Storage account, for the default Azure credential."),
      connectionString: optional(secretRef({ description: "Connection string." })),
      queueName: word("Queue."),
      dlq: toggle("Messages that cannot be read are left on the queue."),
      decodeMessage: toggle("Messages are base64."),
      waitTimeInSeconds: optional(whole({ description: "Pause when the queue is empty, in seconds; 3 by default." })),
    },
    { description: "A queue of Azure Queue Storage." },
  ),
  lint: (config) => [...someOf(config, ["connectionString", "storageAccountName"]), ...needs(config, ["queueName"])],
});

const pubSub = describe({
  kind: "pubSub",
  type: "pubsub",
  title: "Google Pub/Sub",
  summary: "Receives from a Pub/Sub subscription.",
  config: object(
    {
      ...brokerFields,
      projectID: word("Project."),
      topicProjectID: word("Project of the topic."),
      topic: word("Topic."),
      subscriptionID: word("Subscription."),
      credentialSecret: optional(secretRef({ description: "Service account key (JSON)." })),
      deleteSubscriptionOnFinish: toggle("Delete the subscription at the end."),
    },
    { description: "A Pub/Sub subscription." },
  ),
  lint(config) {
    const found = someOf(config, ["topic", "subscriptionID"]);
    if (present(config.topicProjectID) && !present(config.topic)) {
      found.push(conflict(["topicProjectID"], "topicProjectID needs topic", "Add topic or remove topicProjectID."));
    }
    return found;
  },
});

const mns = describe({
  kind: "mns",
  title: "Alibaba Cloud Message Service",
  summary: "Receives from an MNS queue.",
  config: object(
    {
      ...brokerFields,
      accessKey: optional(secretRef({ description: "Access key id." })),
      secretKey: optional(secretRef({ description: "Access key secret." })),
      queue: word("Queue."),
      waitTimeSeconds: optional(whole({ description: "Long polling, in seconds." })),
      endpoint: word("Endpoint of the service."),
    },
    { description: "A queue of MNS." },
  ),
  lint: (config) => needs(config, ["queue", "endpoint"]),
});

export const cloudSources: readonly DescribedType[] = [azureEventsHub, azureServiceBus, azureQueueStorage, pubSub, mns];
