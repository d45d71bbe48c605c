import { configMapRef, list, map, object, optional, secretRef, text } from "../../kit/fields.ts";
import { badValue, missing, needs, present, tlsRules, watchPathRules, webhookRules } from "../../kit/rules.ts";
import {
  commonSourceFields,
  s3Artifact,
  tlsConfig,
  watchPath,
  watchPathFields,
  webhookContext,
} from "../../kit/schemas.ts";
import { parseDurationMs } from "../../lib/duration.ts";
import { type DescribedType, describe, toggle, word } from "./described.ts";

const watchPathConfig = optional(watchPath({ description: "What is watched." }));

const file = describe({
  kind: "file",
  title: "Files",
  summary: "Watches a folder of this machine.",
  config: object(
    {
      ...commonSourceFields,
      eventType: word("CREATE, WRITE, REMOVE, RENAME or CHMOD."),
      watchPathConfig,
      polling: toggle("Look every 100 ms instead of being told by the system."),
    },
    { description: "A folder." },
  ),
  lint: (config) => [...needs(config, ["eventType"]), ...watchPathRules(config.watchPathConfig, ["watchPathConfig"])],
});

const sftp = describe({
  kind: "sftp",
  title: "SFTP",
  summary: "Watches a folder of an SFTP server.",
  config: object(
    {
      ...commonSourceFields,
      eventType: word("CREATE or REMOVE."),
      watchPathConfig,
      username: optional(secretRef({ description: "User name." })),
      password: optional(secretRef({ description: "Password." })),
      sshKeySecret: optional(secretRef({ description: "SSH private key." })),
      address: optional(secretRef({ description: "Host and port." })),
      pollIntervalDuration: word("Pause between looks; 10s by default."),
    },
    { description: "A folder of an SFTP server." },
  ),
  lint: (config) => [
    ...needs(config, ["eventType"]),
    ...watchPathRules(config.watchPathConfig, ["watchPathConfig"]),
    ...durationRule(config.pollIntervalDuration, "pollIntervalDuration"),
  ],
});

const hdfsTypes = new Set(["CREATE", "WRITE", "REMOVE", "RENAME", "CHMOD"]);

const hdfs = describe({
  kind: "hdfs",
  title: "HDFS",
  summary: "Watches a folder of HDFS.",
  config: object(
    {
      ...commonSourceFields,
      ...watchPathFields,
      type: word("CREATE, WRITE, REMOVE, RENAME, CHMOD; several joined by |."),
      checkInterval: word("Pause between looks; 1m by default."),
      addresses: optional(list(text({ description: "Host and port." }), { description: "Name nodes." })),
      hdfsUser: word("User name."),
      krbCCacheSecret: optional(secretRef({ description: "Kerberos credential cache." })),
      krbKeytabSecret: optional(secretRef({ description: "Kerberos keytab." })),
      krbUsername: word("Kerberos user."),
      krbRealm: word("Kerberos realm."),
      krbConfigConfigMap: optional(configMapRef({ description: "Kerberos configuration." })),
      krbServicePrincipalName: word("Principal of the name node."),
    },
    { description: "A folder of HDFS." },
  ),
  lint(config) {
    const found = [...needs(config, ["type", "addresses"]), ...watchPathRules(config, [])];
    found.push(...durationRule(config.checkInterval, "checkInterval"));
    if (present(config.type) && !(config.type ?? "").split("|").every((one) => hdfsTypes.has(one.trim()))) {
      found.push(badValue(["type"], `${config.type} is no type of event`, `Use ${[...hdfsTypes].join(", ")}.`));
    }
    if (config.krbKeytabSecret) {
      found.push(...needs(config, ["krbServicePrincipalName", "krbConfigConfigMap", "krbUsername", "krbRealm"]));
    } else if (config.krbCCacheSecret) {
      found.push(...needs(config, ["krbServicePrincipalName", "krbConfigConfigMap"]));
    } else if (!present(config.hdfsUser)) {
      found.push(missing([], "one of hdfsUser, krbCCacheSecret, krbKeytabSecret is needed", "Add one of them."));
    }
    return found;
  },
});

const minioEvents = /^s3:[A-Za-z]+:[A-Za-z*]+$/;

const minio = describe({
  kind: "minio",
  title: "MinIO",
  summary: "Takes bucket notifications of a MinIO server.",
  config: s3Artifact({ description: "A bucket of MinIO." }),
  lint(config) {
    const found = needs(config, ["endpoint", "accessKey", "secretKey"]);
    if (config.bucket) found.push(...needs(config.bucket, ["name"], ["bucket"]));
    config.events?.forEach((event, index) => {
      if (!minioEvents.test(event)) {
        found.push(badValue(["events", index], `${event} is no bucket event`, "Write it as s3:ObjectCreated:Put."));
      }
    });
    return found;
  },
});

const storageGrid = describe({
  kind: "storageGrid",
  type: "storagegrid",
  title: "NetApp StorageGRID",
  summary: "Takes bucket notifications of StorageGRID by HTTP.",
  config: object(
    {
      metadata: optional(map(text({ description: "Value." }), { description: "Constant keys for the event's data." })),
      webhook: optional(webhookContext({ description: "Where notifications arrive." })),
      events: optional(list(text({ description: "Event type." }), { description: "Event types." })),
      filter: optional(
        object(
          { prefix: word("Beginning of the key."), suffix: word("End of the key.") },
          { description: "Which keys." },
        ),
      ),
      topicArn: word("ARN of the topic."),
      bucket: word("Bucket."),
      region: word("Region; us-east-1 by default."),
      authToken: optional(secretRef({ description: "Token for the API." })),
      apiURL: word("URL of the API."),
      tls: optional(tlsConfig({ description: "TLS towards the API." })),
    },
    { description: "A bucket of StorageGRID." },
  ),
  lint: (config) => [
    ...webhookRules(config.webhook, ["webhook"]),
    ...needs(config, ["topicArn", "apiURL", "authToken", "bucket", "events"]),
    ...tlsRules(config.tls, ["tls"]),
  ],
});

function durationRule(text: string | undefined, key: string) {
  if (text === undefined || text === "" || parseDurationMs(text) !== undefined) return [];
  return [badValue([key], `${JSON.stringify(text)} is no duration`, "Write it as 10s, 5m or 1h30m.")];
}

export const fileSources: readonly DescribedType[] = [file, sftp, hdfs, minio, storageGrid];
