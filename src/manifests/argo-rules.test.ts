import { describe, expect, test } from "vitest";
import { objectsFrom } from "./objects.ts";
import { planManifests } from "./plan.ts";
import { lists } from "./read.ts";
import { pathText } from "./render.ts";
import { argoSources } from "./types/argo-sources.ts";

/* Every rule of reference 7.3 by which Argo Events refuses an object: it is an error here too, at the place meant. */

type Json = Readonly<Record<string, unknown>>;

/** The errors of an object, as `CODE path`. */
function errors(kind: string, spec: unknown): string[] {
  const value = { apiVersion: "argoproj.io/v1alpha1", kind, metadata: { name: "x" }, spec };
  const { findings } = planManifests(objectsFrom(value, { file: "f", folder: "/" }), lists, { traps: true });
  return findings.filter(({ severity }) => severity === "error").map(({ code, path }) => `${code} ${pathText(path)}`);
}

const key = { name: "s", key: "k" };
const hook = { endpoint: "/x", port: "12000" };
const watched = { directory: "/d/", path: "x" };

/** A valid entry of each type that has rules. */
const entries: Readonly<Record<string, Json>> = {
  webhook: { ...hook, method: "POST" },
  amqp: { url: "amqp://x", exchangeType: "fanout", routingKey: "r" },
  azureEventsHub: { fqdn: "f", hubName: "h" },
  azureQueueStorage: { storageAccountName: "a", queueName: "q" },
  azureServiceBus: { connectionString: key, queueName: "q" },
  bitbucket: { webhook: hook, repositories: [{ owner: "o", repositorySlug: "r" }], events: ["e"] },
  bitbucketserver: { webhook: hook, bitbucketserverBaseURL: "http://b", events: ["e"] },
  calendar: { interval: "10s" },
  emitter: { broker: "b", channelName: "n", channelKey: "k" },
  file: { eventType: "CREATE", watchPathConfig: watched },
  sftp: { eventType: "CREATE", watchPathConfig: watched },
  hdfs: { ...watched, type: "CREATE", addresses: ["a:1"], hdfsUser: "u" },
  generic: { url: "u", config: "c" },
  gerrit: {
    webhook: hook,
    projects: ["p"],
    events: ["e"],
    gerritBaseURL: "http://g",
    auth: { username: key, password: key },
  },
  github: { webhook: hook, organizations: ["o"] },
  gitlab: { webhook: hook, events: ["e"], gitlabBaseURL: "http://g", accessToken: key },
  kafka: { url: "k:1", topic: "t", consumerGroup: { groupName: "g" } },
  minio: { endpoint: "e", accessKey: key, secretKey: key, bucket: { name: "b" } },
  mns: { queue: "q", endpoint: "e" },
  mqtt: { url: "u", topic: "t", clientId: "c" },
  nats: { url: "u", subject: "s" },
  nsq: { hostAddress: "h", topic: "t", channel: "c" },
  pubSub: { topic: "t" },
  pulsar: { topics: ["t"], url: "u", type: "shared" },
  redis: { hostAddress: "h", channels: ["c"] },
  redisStream: { hostAddress: "h", streams: ["s"] },
  resource: { version: "v1", resource: "pods", eventTypes: ["ADD"] },
  slack: { webhook: hook, token: key, signingSecret: key },
  sns: { webhook: hook, topicArn: "a", region: "r" },
  sqs: { region: "r", queue: "q" },
  storageGrid: { webhook: hook, topicArn: "a", apiURL: "u", authToken: key, bucket: "b", events: ["e"] },
  stripe: { webhook: hook },
};

test("each of these entries is valid, and every type is among them", () => {
  for (const [kind, config] of Object.entries(entries))
    expect([kind, errors("EventSource", { [kind]: { e: config } })]).toEqual([kind, []]);
  expect(Object.keys(entries).sort()).toEqual([...argoSources.keys()].sort());
});

const hookRules = (kind: string, at: string): [string, Json, string][] => [
  [kind, { webhook: { ...hook, endpoint: "" } }, `FIELD_MISSING ${at}.endpoint`],
  [kind, { webhook: { ...hook, port: "" } }, `FIELD_MISSING ${at}.port`],
  [kind, { webhook: { ...hook, port: "http" } }, `FIELD_VALUE ${at}.port`],
  [kind, { webhook: undefined }, `FIELD_MISSING ${at}`],
];
const missing = (kind: string, ...fields: readonly string[]): [string, Json, string][] =>
  fields.map((field) => [kind, { [field]: undefined }, `FIELD_MISSING ${field}`]);
const watchRules = (kind: string): [string, Json, string][] => {
  const at = "watchPathConfig";
  const cases: readonly (readonly [Json, string])[] = [
    [{ directory: undefined }, `FIELD_MISSING ${at}.directory`],
    [{ directory: "d" }, `FIELD_VALUE ${at}.directory`],
    [{ path: undefined }, `FIELD_MISSING ${at}`],
    [{ pathRegexp: "x" }, `FIELD_CONFLICT ${at}.pathRegexp`],
    [{ path: "/x" }, `FIELD_VALUE ${at}.path`],
    [{ path: undefined, pathRegexp: "(" }, `EXPRESSION_INVALID ${at}.pathRegexp`],
  ];
  return cases.map(([change, expected]) => [kind, { watchPathConfig: { ...watched, ...change } }, expected]);
};
const halfTls = { clientCertSecret: key };

describe("event sources", () => {
  test.each<[string, Json, string]>([
    ["webhook", { endpoint: "" }, "FIELD_MISSING endpoint"],
    ["webhook", { port: undefined }, "FIELD_MISSING port"],
    ["webhook", { port: "12x" }, "FIELD_VALUE port"],
    ...["bitbucket", "bitbucketserver", "gerrit", "github", "gitlab", "slack", "sns", "storageGrid", "stripe"].flatMap(
      (kind) => hookRules(kind, "webhook"),
    ),
    ["amqp", { url: undefined }, "FIELD_MISSING "],
    ["amqp", { urlSecret: key }, "FIELD_CONFLICT urlSecret"],
    ...missing("amqp", "routingKey", "exchangeType"),
    ["amqp", { tls: {} }, "FIELD_MISSING tls"],
    ["amqp", { tls: halfTls }, "FIELD_CONFLICT tls.clientCertSecret"],
    ["amqp", { auth: { password: key } }, "FIELD_MISSING auth.username"],
    ["amqp", { auth: { username: key } }, "FIELD_MISSING auth.password"],
    ...missing("azureEventsHub", "fqdn", "hubName"),
    ["azureEventsHub", { sharedAccessKey: key }, "FIELD_CONFLICT sharedAccessKey"],
    ["azureEventsHub", { sharedAccessKeyName: key }, "FIELD_CONFLICT sharedAccessKeyName"],
    ["azureQueueStorage", { storageAccountName: undefined }, "FIELD_MISSING "],
    ...missing("azureQueueStorage", "queueName"),
    ["azureServiceBus", { connectionString: undefined }, "FIELD_MISSING "],
    ["azureServiceBus", { queueName: undefined }, "FIELD_MISSING "],
    ["azureServiceBus", { topicName: "t", subscriptionName: "s" }, "FIELD_CONFLICT queueName"],
    ["azureServiceBus", { queueName: undefined, subscriptionName: "s" }, "FIELD_CONFLICT subscriptionName"],
    ["azureServiceBus", { queueName: undefined, topicName: "t" }, "FIELD_CONFLICT topicName"],
    ...missing("bitbucket", "repositories"),
    ["bitbucket", { events: [], webhook: { ...hook, url: "http://u" } }, "FIELD_MISSING events"],
    ["bitbucketserver", { events: [], webhook: { ...hook, url: "http://u" } }, "FIELD_MISSING events"],
    ...missing("bitbucketserver", "bitbucketserverBaseURL"),
    ["bitbucketserver", { checkInterval: "often" }, "FIELD_VALUE checkInterval"],
    ["bitbucketserver", { tls: halfTls }, "FIELD_CONFLICT tls.clientCertSecret"],
    ["calendar", { interval: undefined }, "FIELD_MISSING "],
    ["calendar", { schedule: "0 25 * * *" }, "EXPRESSION_INVALID schedule"],
    ["calendar", { schedule: "@hourly" }, "EXPRESSION_INVALID schedule"],
    ["calendar", { interval: "soon" }, "FIELD_VALUE interval"],
    ...missing("emitter", "broker", "channelName", "channelKey"),
    ...missing("file", "eventType"),
    ...watchRules("file"),
    ...missing("sftp", "eventType"),
    ...watchRules("sftp"),
    ...missing("hdfs", "type", "addresses", "directory"),
    ["hdfs", { type: "MADE" }, "FIELD_VALUE type"],
    ["hdfs", { checkInterval: "1" }, "FIELD_VALUE checkInterval"],
    ["hdfs", { directory: "d" }, "FIELD_VALUE directory"],
    ["hdfs", { path: undefined, pathRegexp: "(" }, "EXPRESSION_INVALID pathRegexp"],
    ["hdfs", { hdfsUser: undefined }, "FIELD_MISSING "],
    ["hdfs", { hdfsUser: undefined, krbKeytabSecret: key }, "FIELD_MISSING krbRealm"],
    ["hdfs", { hdfsUser: undefined, krbCCacheSecret: key }, "FIELD_MISSING krbConfigConfigMap"],
    ...missing("generic", "url", "config"),
    ...missing("gerrit", "projects", "events", "gerritBaseURL", "auth"),
    ["gerrit", { auth: { username: key } }, "FIELD_MISSING auth.password"],
    ["github", { organizations: undefined }, "FIELD_MISSING "],
    ["github", { repositories: [{ owner: "o", names: ["n"] }] }, "FIELD_CONFLICT organizations"],
    ["github", { apiToken: key, webhook: { ...hook, url: "http://u" } }, "FIELD_MISSING events"],
    ["github", { contentType: "xml" }, "FIELD_VALUE contentType"],
    ["github", { githubUploadURL: "http://u" }, "FIELD_CONFLICT githubUploadURL"],
    ["github", { githubBaseURL: "http://u" }, "FIELD_CONFLICT githubBaseURL"],
    ...missing("gitlab", "events", "gitlabBaseURL", "accessToken"),
    ...missing("kafka", "url", "topic"),
    ["kafka", { consumerGroup: undefined }, "FIELD_MISSING "],
    ["kafka", { tls: {} }, "FIELD_MISSING tls"],
    ["kafka", { sasl: { mechanism: "NONE", userSecret: key, passwordSecret: key } }, "FIELD_VALUE sasl.mechanism"],
    ["kafka", { sasl: { userSecret: key } }, "FIELD_MISSING sasl.passwordSecret"],
    ["kafka", { awsMskIamAuth: {} }, "FIELD_MISSING awsMskIamAuth.region"],
    ...missing("minio", "accessKey", "secretKey", "endpoint"),
    ["minio", { bucket: {} }, "FIELD_MISSING bucket.name"],
    ["minio", { events: ["put"] }, "FIELD_VALUE events[0]"],
    ...missing("mns", "queue", "endpoint"),
    ...missing("mqtt", "url", "topic", "clientId"),
    ...missing("nats", "url", "subject"),
    ["nats", { queue: "" }, "FIELD_VALUE queue"],
    ...missing("nsq", "hostAddress", "topic", "channel"),
    ["pubSub", { topic: undefined, subscriptionID: "s", topicProjectID: "p" }, "FIELD_CONFLICT topicProjectID"],
    ["pubSub", { topic: undefined }, "FIELD_MISSING "],
    ...missing("pulsar", "topics", "url"),
    ["pulsar", { type: undefined }, "FIELD_VALUE type"],
    ["pulsar", { type: "failover" }, "FIELD_VALUE type"],
    ...missing("redis", "hostAddress", "channels"),
    ["redis", { password: key }, "FIELD_MISSING namespace"],
    ...missing("redisStream", "hostAddress", "streams"),
    ...missing("resource", "version", "resource", "eventTypes"),
    ["resource", { filter: { labels: [{ value: "v" }] } }, "FIELD_MISSING filter.labels[0].key"],
    ["resource", { filter: { fields: [{ key: "", value: "v" }] } }, "FIELD_MISSING filter.fields[0].key"],
    ...missing("slack", "token", "signingSecret"),
    ...missing("sns", "topicArn", "region"),
    ...missing("sqs", "region", "queue"),
    ...missing("storageGrid", "topicArn", "apiURL", "authToken", "bucket", "events"),
    ["stripe", { createWebhook: true }, "FIELD_MISSING apiKey"],
  ])("%s with %j", (kind, change, expected) => {
    const [code, at] = expected.split(" ");
    const path = `spec.${kind}.e${at === "" ? "" : `.${at}`}`;
    expect(errors("EventSource", { [kind]: { e: { ...entries[kind], ...change } } })).toContain(`${code} ${path}`);
  });

  test("one name twice, and types that run in different ways", () => {
    const { webhook, sns, mqtt } = entries;
    expect(
      errors("EventSource", { webhook: { e: webhook }, sns: { e: { ...sns, webhook: { ...hook, port: "1" } } } }),
    ).toEqual([expect.stringMatching(/^EVENT_DUPLICATE spec\.(sns|webhook)\.e$/)]);
    expect(errors("EventSource", { webhook: { e: webhook }, mqtt: { f: mqtt } })).toEqual([
      "EVENT_SOURCE_MIXED spec.webhook",
    ]);
  });

  test.each<[string, Json, string]>([
    ["calendar", { timezone: "Mars/Olympus" }, "FIELD_VALUE timezone"],
    [
      "calendar",
      { persistence: { catchup: { enabled: true, maxDuration: "1 day" } } },
      "FIELD_VALUE persistence.catchup.maxDuration",
    ],
    ["webhook", { method: "POTS" }, "FIELD_VALUE method"],
    ["webhook", { filter: { expression: "body.a ==" } }, "EXPRESSION_INVALID filter.expression"],
    ["mqtt", { connectionBackoff: { duration: "soon" } }, "FIELD_VALUE connectionBackoff.duration"],
    ["mqtt", { connectionBackoff: { factor: "2" } }, "FIELD_TYPE connectionBackoff.factor"],
    ["sftp", { pollIntervalDuration: "soon" }, "FIELD_VALUE pollIntervalDuration"],
  ])("what Argo Events does not check: %s with %j", (kind, change, expected) => {
    const [code, at] = expected.split(" ");
    expect(errors("EventSource", { [kind]: { e: { ...entries[kind], ...change } } })).toContain(
      `${code} spec.${kind}.e.${at}`,
    );
  });
});

const dependency = { name: "a", eventSourceName: "es", eventName: "e" };
const log = { template: { name: "t", log: {} } };
const sensor = (change: Json = {}): Json => ({ dependencies: [dependency], triggers: [log], ...change });
const withDependency = (change: Json) => sensor({ dependencies: [{ ...dependency, ...change }] });
const withFilters = (filters: unknown) => withDependency({ filters });
const withTrigger = (change: Json) => sensor({ triggers: [{ ...log, ...change }] });
const withType = (kind: string, config: unknown) => sensor({ triggers: [{ template: { name: "t", [kind]: config } }] });
const from = { src: { dependencyName: "a", dataKey: "x" }, dest: "y" };
const data = { path: "body.a", type: "string", value: ["x"] };
const expr = { expr: "x == 1", fields: [{ name: "x", path: "a" }] };
const dependencyAt = "spec.dependencies[0]";
const filtersAt = `${dependencyAt}.filters`;
const triggerAt = "spec.triggers[0]";
const typeAt = `${triggerAt}.template`;

const object = { resource: { apiVersion: "v1", kind: "Pod", metadata: { name: "p" } } };
/** A valid template of each type that has rules. */
const templates: Readonly<Record<string, Json>> = {
  k8s: { source: object },
  argoWorkflow: { source: object, operation: "submit" },
  http: { url: "http://x" },
  awsLambda: { functionName: "f", region: "r", payload: [from] },
  kafka: { url: "k:1", topic: "t", payload: [from] },
  nats: { url: "n", subject: "s", payload: [from] },
  slack: { slackToken: key, channel: "c", message: "m" },
  openWhisk: { host: "h", actionName: "a", payload: [from] },
  custom: { serverURL: "s", spec: { a: "b" } },
  email: { host: "h", port: 25, to: ["a@b.org"], from: "c@d.org" },
  azureEventHubs: { fqdn: "f", hubName: "h", payload: [from] },
  azureServiceBus: { connectionString: key, queueName: "q", payload: [from] },
  pulsar: { url: "u", topic: "t", payload: [from] },
  log: {},
};

test("each of these templates is valid, and every type is among them", () => {
  for (const [kind, config] of Object.entries(templates))
    expect([kind, errors("Sensor", withType(kind, config))]).toEqual([kind, []]);
  expect(Object.keys(templates)).toHaveLength(14);
});

describe("sensors", () => {
  test.each<[string, unknown, string]>([
    ["no event dependencies", sensor({ dependencies: [] }), "FIELD_MISSING spec.dependencies"],
    ["dependencies absent", sensor({ dependencies: undefined }), "FIELD_MISSING spec.dependencies"],
    ["dependency without name", withDependency({ name: "" }), `FIELD_MISSING ${dependencyAt}.name`],
    ["… EventSource", withDependency({ eventSourceName: undefined }), `FIELD_MISSING ${dependencyAt}.eventSourceName`],
    ["… event", withDependency({ eventName: "" }), `FIELD_MISSING ${dependencyAt}.eventName`],
    [
      "filters operator",
      withDependency({ filtersLogicalOperator: "xor" }),
      `FIELD_VALUE ${dependencyAt}.filtersLogicalOperator`,
    ],
    [
      "data operator",
      withFilters({ data: [data], dataLogicalOperator: "xor" }),
      `FIELD_VALUE ${filtersAt}.dataLogicalOperator`,
    ],
    [
      "expr operator",
      withFilters({ exprs: [expr], exprLogicalOperator: "not" }),
      `FIELD_VALUE ${filtersAt}.exprLogicalOperator`,
    ],
    [
      "comparator",
      withFilters({ data: [{ ...data, comparator: "==" }] }),
      `FIELD_VALUE ${filtersAt}.data[0].comparator`,
    ],
    ["expr empty", withFilters({ exprs: [{ ...expr, expr: "" }] }), `FIELD_MISSING ${filtersAt}.exprs[0].expr`],
    ["fields empty", withFilters({ exprs: [{ ...expr, fields: [] }] }), `FIELD_MISSING ${filtersAt}.exprs[0].fields`],
    [
      "field path",
      withFilters({ exprs: [{ ...expr, fields: [{ name: "x", path: "" }] }] }),
      `FIELD_MISSING ${filtersAt}.exprs[0].fields[0].path`,
    ],
    [
      "field name",
      withFilters({ exprs: [{ ...expr, fields: [{ path: "x" }] }] }),
      `FIELD_MISSING ${filtersAt}.exprs[0].fields[0].name`,
    ],
    ["data path", withFilters({ data: [{ ...data, path: "" }] }), `FIELD_MISSING ${filtersAt}.data[0].path`],
    ["data type", withFilters({ data: [{ ...data, type: "" }] }), `FIELD_VALUE ${filtersAt}.data[0].type`],
    ["data value", withFilters({ data: [{ ...data, value: [] }] }), `FIELD_MISSING ${filtersAt}.data[0].value`],
    ["a data value", withFilters({ data: [{ ...data, value: [""] }] }), `FIELD_MISSING ${filtersAt}.data[0].value[0]`],
    ["context without fields", withFilters({ context: { type: "" } }), `SENSOR_INVALID ${filtersAt}.context`],
    [
      "time zone",
      withFilters({ time: { start: "01:00:00", stop: "02:00:00", timezone: "Nowhere" } }),
      `SENSOR_INVALID ${filtersAt}.time.timezone`,
    ],
    ["start", withFilters({ time: { start: "1am", stop: "02:00:00" } }), `SENSOR_INVALID ${filtersAt}.time.start`],
    ["stop", withFilters({ time: { start: "01:00:00", stop: "25:00:00" } }), `SENSOR_INVALID ${filtersAt}.time.stop`],
    [
      "stop is start",
      withFilters({ time: { start: "01:00:00", stop: "01:00:00" } }),
      `SENSOR_INVALID ${filtersAt}.time.stop`,
    ],
    ["no triggers", sensor({ triggers: [] }), "FIELD_MISSING spec.triggers"],
    ["two triggers of one name", sensor({ triggers: [log, log] }), "SENSOR_INVALID spec.triggers[1].template.name"],
    ["no template", sensor({ triggers: [{}] }), `FIELD_MISSING ${typeAt}`],
    ["no trigger name", sensor({ triggers: [{ template: { log: {} } }] }), `FIELD_MISSING ${typeAt}.name`],
    [
      "conditionsReset",
      sensor({ triggers: [{ template: { ...log.template, conditionsReset: [{}] } }] }),
      `FIELD_MISSING ${typeAt}.conditionsReset[0].byTime`,
    ],
    [
      "cron",
      sensor({ triggers: [{ template: { ...log.template, conditionsReset: [{ byTime: { cron: "0 0" } }] } }] }),
      `EXPRESSION_INVALID ${typeAt}.conditionsReset[0].byTime.cron`,
    ],
    [
      "cron zone",
      sensor({
        triggers: [
          { template: { ...log.template, conditionsReset: [{ byTime: { cron: "0 0 * * *", timezone: "X" } }] } },
        ],
      }),
      `SENSOR_INVALID ${typeAt}.conditionsReset[0].byTime.timezone`,
    ],
    ["k8s source", withType("k8s", {}), `FIELD_MISSING ${typeAt}.k8s.source`],
    ["k8s operation", withType("k8s", { ...templates.k8s, operation: "apply" }), `FIELD_VALUE ${typeAt}.k8s.operation`],
    [
      "workflow source",
      withType("argoWorkflow", { operation: "submit" }),
      `FIELD_MISSING ${typeAt}.argoWorkflow.source`,
    ],
    [
      "workflow operation",
      withType("argoWorkflow", { source: object, operation: "run" }),
      `FIELD_VALUE ${typeAt}.argoWorkflow.operation`,
    ],
    [
      "no workflow operation",
      withType("argoWorkflow", { source: object }),
      `FIELD_MISSING ${typeAt}.argoWorkflow.operation`,
    ],
    ["http url", withType("http", {}), `FIELD_MISSING ${typeAt}.http.url`],
    ["http method", withType("http", { url: "http://x", method: "HEAD" }), `FIELD_VALUE ${typeAt}.http.method`],
    ...["awsLambda functionName", "awsLambda region", "awsLambda payload", "kafka url", "kafka topic", "kafka payload"]
      .concat(
        ["nats url", "nats subject", "nats payload", "slack slackToken", "openWhisk host", "openWhisk actionName"],
        ["openWhisk payload", "custom serverURL", "email host"],
      )
      .map((text): [string, unknown, string] => {
        const [kind = "", field = ""] = text.split(" ");
        return [
          text,
          withType(kind, { ...templates[kind], [field]: undefined }),
          `FIELD_MISSING ${typeAt}.${kind}.${field}`,
        ];
      }),
    [
      "openWhisk token",
      withType("openWhisk", { ...templates.openWhisk, authToken: { name: "", key: "k" } }),
      `FIELD_MISSING ${typeAt}.openWhisk.authToken.name`,
    ],
    ["custom body", withType("custom", { serverURL: "s" }), `FIELD_MISSING ${typeAt}.custom`],
    [
      "custom certificate",
      withType("custom", { ...templates.custom, secure: true }),
      `FIELD_MISSING ${typeAt}.custom.certSecret`,
    ],
    ["email port", withType("email", { ...templates.email, port: 70_000 }), `FIELD_VALUE ${typeAt}.email.port`],
    ["parameter source", withTrigger({ parameters: [{ dest: "x" }] }), `FIELD_MISSING ${triggerAt}.parameters[0].src`],
    [
      "parameter dependency",
      withTrigger({ parameters: [{ src: { dataKey: "x" }, dest: "x" }] }),
      `FIELD_MISSING ${triggerAt}.parameters[0].src.dependencyName`,
    ],
    [
      "empty parameter dependency",
      withTrigger({ parameters: [{ ...from, src: { dependencyName: "" } }] }),
      `SENSOR_INVALID ${triggerAt}.parameters[0].src.dependencyName`,
    ],
    [
      "parameter dest",
      withTrigger({ parameters: [{ ...from, dest: "" }] }),
      `SENSOR_INVALID ${triggerAt}.parameters[0].dest`,
    ],
    [
      "parameter operation",
      withTrigger({ parameters: [{ ...from, operation: "add" }] }),
      `FIELD_VALUE ${triggerAt}.parameters[0].operation`,
    ],
    [
      "type parameter",
      withType("k8s", { ...templates.k8s, parameters: [{ ...from, dest: "" }] }),
      `SENSOR_INVALID ${typeAt}.k8s.parameters[0].dest`,
    ],
    [
      "payload dest",
      withType("kafka", { ...templates.kafka, payload: [{ ...from, dest: "" }] }),
      `SENSOR_INVALID ${typeAt}.kafka.payload[0].dest`,
    ],
    [
      "payload operation",
      withType("http", { ...templates.http, payload: [{ ...from, operation: "add" }] }),
      `FIELD_VALUE ${typeAt}.http.payload[0].operation`,
    ],
    ["policy labels", withTrigger({ policy: { k8s: {} } }), `FIELD_MISSING ${triggerAt}.policy.k8s.labels`],
    ["policy statuses", withTrigger({ policy: { status: {} } }), `FIELD_MISSING ${triggerAt}.policy.status.allow`],
    [
      "dlqTrigger",
      withTrigger({ dlqTrigger: { ...log, atLeastOnce: true } }),
      `SENSOR_INVALID ${triggerAt}.dlqTrigger`,
    ],
    [
      "inside dlqTrigger",
      withTrigger({ atLeastOnce: true, dlqTrigger: log }),
      `SENSOR_INVALID ${triggerAt}.dlqTrigger`,
    ],
    [
      "dlqTrigger template",
      withTrigger({ atLeastOnce: true, dlqTrigger: { atLeastOnce: true } }),
      `FIELD_MISSING ${triggerAt}.dlqTrigger.template`,
    ],
  ])("%s", (_, spec, expected) => {
    expect(errors("Sensor", spec)).toContain(expected);
  });

  test("what Argo Events takes, is taken: an empty payload, an empty dest of an http payload", () => {
    expect(errors("Sensor", withType("kafka", { ...templates.kafka, payload: [] }))).toEqual([]);
    expect(errors("Sensor", withType("http", { ...templates.http, payload: [{ ...from, dest: "" }] }))).toEqual([]);
  });

  test.each<[string, unknown, string]>([
    [
      "conditions",
      sensor({ triggers: [{ template: { ...log.template, conditions: "a and" } }] }),
      `EXPRESSION_INVALID ${typeAt}.conditions`,
    ],
    [
      "a name in conditions",
      sensor({ triggers: [{ template: { ...log.template, conditions: "b" } }] }),
      `EXPRESSION_INVALID ${typeAt}.conditions`,
    ],
    [
      "two dependencies of one name",
      sensor({ dependencies: [dependency, dependency] }),
      "SENSOR_INVALID spec.dependencies[1].name",
    ],
    ["no type", sensor({ triggers: [{ template: { name: "t" } }] }), `SENSOR_INVALID ${typeAt}`],
    [
      "rateLimit 0",
      withTrigger({ rateLimit: { requestsPerUnit: 0 } }),
      `FIELD_VALUE ${triggerAt}.rateLimit.requestsPerUnit`,
    ],
    [
      "rateLimit without number",
      withTrigger({ rateLimit: { unit: "Minute" } }),
      `FIELD_MISSING ${triggerAt}.rateLimit.requestsPerUnit`,
    ],
    [
      "rateLimit unit",
      withTrigger({ rateLimit: { unit: "Day", requestsPerUnit: 1 } }),
      `FIELD_VALUE ${triggerAt}.rateLimit.unit`,
    ],
    [
      "backoff duration",
      withTrigger({ retryStrategy: { duration: "soon" } }),
      `SENSOR_INVALID ${triggerAt}.retryStrategy.duration`,
    ],
    [
      "backoff factor",
      withTrigger({ retryStrategy: { factor: "two" } }),
      `SENSOR_INVALID ${triggerAt}.retryStrategy.factor`,
    ],
    [
      "policy backoff",
      withTrigger({ policy: { k8s: { labels: { a: "b" }, backoff: { duration: "x" } } } }),
      `SENSOR_INVALID ${triggerAt}.policy.k8s.backoff.duration`,
    ],
    [
      "no status allowed",
      withTrigger({ policy: { status: { allow: [] } } }),
      `FIELD_MISSING ${triggerAt}.policy.status.allow`,
    ],
    [
      "regular expression",
      withFilters({ data: [{ ...data, value: ["("] }] }),
      `EXPRESSION_INVALID ${filtersAt}.data[0].value[0]`,
    ],
    [
      "filter template",
      withFilters({ data: [{ ...data, template: "{{" }] }),
      `EXPRESSION_INVALID ${filtersAt}.data[0].template`,
    ],
    [
      "number",
      withFilters({ data: [{ ...data, type: "number", value: ["many"] }] }),
      `SENSOR_INVALID ${filtersAt}.data[0].value[0]`,
    ],
    [
      "bool",
      withFilters({ data: [{ ...data, type: "bool", value: ["yes"] }] }),
      `SENSOR_INVALID ${filtersAt}.data[0].value[0]`,
    ],
    ["data filter type", withFilters({ data: [{ ...data, type: "text" }] }), `FIELD_VALUE ${filtersAt}.data[0].type`],
    [
      "expression",
      withFilters({ exprs: [{ ...expr, expr: "x ==" }] }),
      `EXPRESSION_INVALID ${filtersAt}.exprs[0].expr`,
    ],
    [
      "parameter template",
      withTrigger({ parameters: [{ src: { dependencyName: "a", dataTemplate: "{{" }, dest: "x" }] }),
      `EXPRESSION_INVALID ${triggerAt}.parameters[0].src.dataTemplate`,
    ],
    ["hub", withType("azureEventHubs", { fqdn: "f" }), `FIELD_MISSING ${typeAt}.azureEventHubs.hubName`],
    [
      "hub key",
      withType("azureEventHubs", { ...templates.azureEventHubs, sharedAccessKey: key }),
      `FIELD_CONFLICT ${typeAt}.azureEventHubs.sharedAccessKey`,
    ],
    ["service bus", withType("azureServiceBus", { connectionString: key }), `FIELD_MISSING ${typeAt}.azureServiceBus`],
    ["pulsar topic", withType("pulsar", { url: "u" }), `FIELD_MISSING ${typeAt}.pulsar.topic`],
    ["log interval", withType("log", { intervalSeconds: -1 }), `FIELD_VALUE ${typeAt}.log.intervalSeconds`],
    [
      "dynamic header",
      withType("http", { ...templates.http, dynamicHeaders: [{ ...from, dest: "" }] }),
      `FIELD_MISSING ${typeAt}.http.dynamicHeaders[0].dest`,
    ],
    ["inline source", withType("k8s", { source: { inline: "a: [" } }), `FIELD_VALUE ${typeAt}.k8s.source.inline`],
    ["resource", withType("k8s", { source: { resource: "text" } }), `FIELD_VALUE ${typeAt}.k8s.source.resource`],
    [
      "workflow without any source",
      withType("argoWorkflow", { source: {}, operation: "submit" }),
      `FIELD_MISSING ${typeAt}.argoWorkflow.source`,
    ],
    ["slack blocks", withType("slack", { ...templates.slack, blocks: "[" }), `FIELD_VALUE ${typeAt}.slack.blocks`],
    ["email address", withType("email", { ...templates.email, to: ["ada"] }), `FIELD_VALUE ${typeAt}.email.to[0]`],
  ])("what Argo Events does not check: %s", (_, spec, expected) => {
    expect(errors("Sensor", spec)).toContain(expected);
  });
});

describe("buses", () => {
  test.each<[unknown, string]>([
    [{}, "BUS_INVALID spec"],
    [{ nats: { native: {}, exotic: {} } }, "BUS_INVALID spec.nats.exotic"],
    [{ nats: {} }, "BUS_INVALID spec.nats"],
    [{ nats: { exotic: { url: "u" } } }, "BUS_INVALID spec.nats.exotic.clusterID"],
    [{ nats: { exotic: { clusterID: "c" } } }, "BUS_INVALID spec.nats.exotic.url"],
    [{ jetstream: {} }, "BUS_INVALID spec.jetstream.version"],
    [{ jetstream: { version: "latest", replicas: 2 } }, "BUS_INVALID spec.jetstream.replicas"],
    [{ kafka: {} }, "BUS_INVALID spec.kafka.url"],
    [{ jetstreamExotic: {} }, "BUS_INVALID spec.jetstreamExotic.url"],
  ])("%j", (spec, expected) => {
    expect(errors("EventBus", spec)).toEqual([expected]);
  });
});
