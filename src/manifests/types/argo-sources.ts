/** What the data of an event source type's events looks like, and how Argo Events runs it (reference 1.5, 1.6). */
export interface ArgoSource {
  /** `active`: in every replica; `passive`: in one that is elected. */
  readonly ha: "active" | "passive";
  /** Keys of the event's data, `metadata` aside. undefined: they are the upstream's own. */
  readonly keys: readonly string[] | undefined;
  /**
   * What `body` is: `json` always; `jsonBody` with that field, else base64 text; `text` always. undefined: there is no
   * body, or what it is depends on the message.
   */
  readonly body?: "json" | "jsonBody" | "text";
}

const hook = { ha: "active", keys: ["headers", "body"], body: "json" } as const;
const watched = { ha: "passive", keys: ["name", "op"] } as const;

/** Every event source type that Argo Events knows; types that are missing here are extensions. */
export const argoSources: ReadonlyMap<string, ArgoSource> = new Map(
  Object.entries({
    amqp: {
      ha: "passive",
      keys: [
        ...["contentType", "contentEncoding", "deliveryMode", "priority", "correlationId", "replyTo", "expiration"],
        ...["messageId", "timestamp", "type", "appId", "exchange", "routingKey", "body"],
      ],
      body: "jsonBody",
    },
    azureEventsHub: { ha: "passive", keys: ["id", "partitionKey", "body"], body: "text" },
    azureQueueStorage: { ha: "active", keys: ["body", "messageID", "insertionTime"], body: "jsonBody" },
    azureServiceBus: {
      ha: "passive",
      keys: [
        ...["applicationProperties", "body", "contentType", "correlationID", "enqueuedTime", "messageID", "replyTo"],
        ...["sequenceNumber", "subject"],
      ],
      body: "jsonBody",
    },
    bitbucket: hook,
    bitbucketserver: hook,
    calendar: { ha: "passive", keys: ["eventTime"] },
    emitter: { ha: "passive", keys: ["topic", "body"], body: "jsonBody" },
    file: watched,
    generic: { ha: "passive", keys: ["body"], body: "jsonBody" },
    gerrit: hook,
    github: hook,
    gitlab: hook,
    hdfs: watched,
    kafka: {
      ha: "passive",
      keys: ["topic", "key", "partition", "body", "timestamp", "headers"],
      body: "jsonBody",
    },
    minio: { ha: "passive", keys: ["notification"] },
    mns: { ha: "active", keys: ["messageId", "body"], body: "text" },
    mqtt: { ha: "passive", keys: ["topic", "messageId", "body"], body: "jsonBody" },
    nats: { ha: "passive", keys: ["subject", "body", "header"], body: "jsonBody" },
    nsq: { ha: "passive", keys: ["body", "timestamp", "nsqdAddress"], body: "jsonBody" },
    pubSub: { ha: "passive", keys: ["id", "body", "attributes", "publishTime"], body: "jsonBody" },
    pulsar: { ha: "passive", keys: ["key", "publishTime", "body"], body: "jsonBody" },
    redis: { ha: "passive", keys: ["channel", "pattern", "body"], body: "jsonBody" },
    redisStream: { ha: "passive", keys: ["stream", "message_id", "values"] },
    resource: {
      ha: "passive",
      keys: ["type", "body", "oldBody", "group", "version", "resource"],
      body: "json",
    },
    sftp: watched,
    slack: { ha: "active", keys: undefined },
    sns: { ha: "active", keys: ["header", "body"], body: "json" },
    sqs: { ha: "active", keys: ["messageId", "messageAttributes", "body"], body: "jsonBody" },
    storageGrid: { ha: "active", keys: ["notification"] },
    stripe: { ha: "active", keys: ["event"] },
    webhook: { ha: "active", keys: ["header", "body"], body: "json" },
  } satisfies Record<string, ArgoSource>),
);
