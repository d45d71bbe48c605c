import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { objectsFrom } from "./objects.ts";
import { planManifests, planTexts } from "./plan.ts";
import { lists } from "./read.ts";
import { describedSources } from "./types/source-types.ts";
import { describedTriggers } from "./types/trigger-types.ts";
import { readYaml } from "./yaml.ts";

function plan(text: string, options: { strict?: boolean } = {}) {
  return planTexts([{ text, file: "m.yaml", folder: "/m", named: true }], lists, options);
}

/** The findings as `line:column severity code`. */
function told(text: string, options?: { strict?: boolean }): string[] {
  return plan(text, options).findings.map((f) => `${f.line}:${f.column} ${f.severity} ${f.code}`);
}

function eventSource(spec: string, name = "es"): string {
  return `apiVersion: argoproj.io/v1alpha1\nkind: EventSource\nmetadata:\n  name: ${name}\nspec:\n${spec}`;
}

const webhook = "  webhook:\n    orders:\n      endpoint: /orders\n      method: POST\n      port: '12000'\n";

function sensor(trigger: string, dependency = ""): string {
  return `apiVersion: argoproj.io/v1alpha1
kind: Sensor
metadata:
  name: s
spec:
  dependencies:
    - name: a
      eventSourceName: es
      eventName: orders
${dependency}  triggers:
    - template:
        name: t
${trigger}`;
}

const log = "        log: {}\n";
const whole = `${eventSource(webhook)}---\n${sensor(log)}`;

describe("objects", () => {
  test("a webhook and a sensor on it are planned without a finding", () => {
    const planned = plan(whole);
    expect(planned.findings).toEqual([]);
    expect(planned.sources).toMatchObject([
      { namespace: "default", bus: "default", eventSource: "es", event: "orders", kind: "webhook", type: "webhook" },
    ]);
    expect(planned.sources[0]?.config).toEqual({ endpoint: "/orders", method: "POST", port: "12000" });
    expect(planned.sensors).toMatchObject([{ namespace: "default", bus: "default", name: "s", folder: "/m" }]);
  });

  test("a List is its items, with places inside the list", () => {
    const bad =
      '{"apiVersion":"argoproj.io/v1alpha1","kind":"EventSource","metadata":{"name":"x"},"spec":{"webook":{}}}';
    const text = `{"apiVersion":"v1","kind":"List","items":[\n${bad}\n]}`;
    expect(told(text)).toContain("2:91 error SOURCE_UNKNOWN");
  });

  test("objects of other kinds are listed and left alone, whatever is in them", () => {
    const planned = plan("apiVersion: v1\nkind: Service\nmetadata: {name: x}\nspec: {a: yes}\n---\n---\n# nothing\n");
    expect(planned.findings).toEqual([]);
    expect(planned.ignored).toEqual([{ kind: "Service", name: "x", file: "m.yaml" }]);
  });

  test.each([
    ["just text", ["1:1 error OBJECT_INVALID"]],
    ["a: 1", ["1:1 error OBJECT_INVALID"]],
    ["kind: Sensor\nmetadata: {name: x}\n", ["1:1 error OBJECT_INVALID"]],
    ["apiVersion: argoproj.io/v1alpha1\nkind: Sensor\nspec: {}\n", ["1:1 error OBJECT_INVALID"]],
    ["apiVersion: argoproj.io/v1alpha1\nkind: EventBus\nmetadata: {name: 5}\n", ["3:18 error FIELD_TYPE"]],
    ["apiVersion: argoproj.io/v1alpha1\nkind: EventBus\nmetadata: {name: a/b}\n", ["3:18 error FIELD_VALUE"]],
  ])("%j is no object", (text, expected) => {
    expect(told(text)).toEqual(expected);
  });

  test("the second of two objects with one name is refused, and names the first", () => {
    const planned = plan(`${eventSource(webhook)}---\n${eventSource(webhook)}`);
    expect(planned.findings).toMatchObject([{ code: "OBJECT_DUPLICATE", line: 15, column: 9 }]);
    expect(planned.findings[0]?.message).toBe("EventSource default/es is already at m.yaml:4:9");
    expect(planned.sources).toHaveLength(1);
  });

  test("a kind that is nearly one of ours is not left alone in silence", () => {
    const text = eventSource(webhook).replace("kind: EventSource", "kind: Eventsource");
    expect(told(text)).toEqual(["2:7 warning FIELD_VALUE"]);
    expect(told(text.replace("kind: Eventsource", "kind: Workflow"))).toEqual([]);
  });

  test("a broken document does not stop the others, and a broken Sensor keeps its place on the bus", () => {
    const broken =
      "apiVersion: argoproj.io/v1alpha1\nkind: Sensor\nmetadata: {name: lost}\nspec:\n  eventBusName: b\n  a: [\n";
    const planned = plan(`${broken}---\n${whole}`);
    expect(planned.sources).toHaveLength(1);
    expect(planned.sensors).toHaveLength(1);
    expect(planned.invalidSensors).toEqual([{ namespace: "default", bus: "b", name: "lost" }]);
    expect(planned.findings).toMatchObject([{ code: "YAML_INVALID" }]);
  });

  test("a key that is there twice makes its object invalid", () => {
    const planned = plan(eventSource(`${webhook}      port: '12001'\n`));
    expect(planned.findings).toMatchObject([{ code: "YAML_DUPLICATE_KEY", line: 11, column: 7 }]);
    expect(planned.sources).toEqual([]);
  });

  test("secrets and config maps are decoded", () => {
    const planned = plan(
      "apiVersion: v1\nkind: Secret\nmetadata: {name: s, namespace: team}\ndata: {a: aGVsbG8K, b: '%', d: b2xk}\nstringData: {c: x, d: new}\n" +
        "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\ndata: {a: text, __proto__: z}\nbinaryData: {b: aGk=}\n",
    );
    expect(planned.secrets[0]).toMatchObject({ namespace: "team", name: "s" });
    expect([...(planned.secrets[0]?.data ?? [])]).toEqual([
      ["a", "hello\n"],
      ["d", "new"],
      ["c", "x"],
    ]);
    expect([...(planned.configMaps[0]?.data ?? [])]).toEqual([
      ["b", "hi"],
      ["a", "text"],
      ["__proto__", "z"],
    ]);
    expect(planned.findings).toMatchObject([{ code: "VALUE_INVALID", line: 4, path: ["data", "b"] }]);
    expect(JSON.stringify(planned.findings)).not.toContain("aGVsbG8K");
  });

  test("objects from a cluster are planned like those from files", () => {
    const value = { apiVersion: "argoproj.io/v1alpha1", kind: "EventBus", metadata: { name: "default" }, spec: {} };
    const planned = planManifests(objectsFrom(value, { file: "cluster", folder: "/" }), lists);
    expect(planned.findings).toMatchObject([{ code: "BUS_INVALID", file: "cluster", line: 1, column: 1 }]);
  });
});

describe("event sources", () => {
  test.each([
    ["wrong type", webhook.replace("'12000'", "12000"), "10:13 error FIELD_TYPE"],
    ["missing field", webhook.replace("      endpoint: /orders\n", ""), "7:5 error FIELD_MISSING"],
    ["empty field", webhook.replace("/orders", '""'), "8:17 error FIELD_MISSING"],
    ["no port", webhook.replace("12000", "http"), "10:13 error FIELD_VALUE"],
    ["unknown field", `${webhook}      endpont: /x\n`, "11:7 warning UNKNOWN_FIELD"],
    ["unknown type", "  webhok:\n    a: {}\n", "6:3 error SOURCE_UNKNOWN"],
    ["misplaced type", `  type: webhook\n${webhook}`, "6:3 warning FIELD_MISPLACED"],
    ["no map", "  webhook: [a]\n", "6:3 error FIELD_TYPE"],
    ["nothing", "  webhook:\n", "5:1 error SOURCE_NONE"],
    ["unsupported", "  mqtt:\n    m: {url: a, topic: b, clientId: c}\n", "6:3 warning SOURCE_UNSUPPORTED"],
    ["no event name", "  webhook:\n    endpoint: /orders\n    port: '1'\n", "7:5 error FIELD_MISPLACED"],
    ["unsupported and wrong", "  mqtt:\n    m: {url: a, topic: b}\n", "7:5 error FIELD_MISSING"],
    ["a yes", `${webhook}      maxPayloadSize: yes\n`, "11:23 error FIELD_TYPE"],
    ["bad cron", "  calendar:\n    c:\n      schedule: every day\n", "8:17 error EXPRESSION_INVALID"],
    ["bad filter", `${webhook}      filter:\n        expression: 'body.a ==) 1'\n`, "12:31 error EXPRESSION_INVALID"],
  ])("%s", (_, spec, expected) => {
    expect(told(eventSource(spec))).toContain(expected);
  });

  test("an entry with an error is left out and the others run", () => {
    const planned = plan(eventSource(`${webhook}    bad: {endpoint: /b}\n`));
    expect(planned.sources.map(({ event }) => event)).toEqual(["orders"]);
    expect(planned.findings).toMatchObject([{ severity: "error", code: "FIELD_MISSING", line: 11 }, {}]);
  });

  test("a type without a connector is planned without a source", () => {
    const [entry] = plan(eventSource("  pubSub:\n    p: {topic: t}\n")).sources;
    expect(entry).toMatchObject({ kind: "pubSub", type: "pubsub", source: undefined });
  });

  test("one event name under two types is refused, the first stays", () => {
    const planned = plan(
      eventSource(`${webhook}  azureQueueStorage:\n    orders: {storageAccountName: a, queueName: b}\n`),
    );
    expect(planned.findings).toMatchObject([{ code: "SOURCE_UNSUPPORTED" }, { code: "EVENT_DUPLICATE", line: 12 }]);
    expect(planned.sources.map(({ kind }) => kind)).toEqual(["webhook"]);
  });

  test("the strict reading makes unknown fields errors", () => {
    expect(told(eventSource(`${webhook}      endpont: /x\n`), { strict: true })).toEqual(["11:7 error UNKNOWN_FIELD"]);
  });

  test("a misspelt field says what was meant", () => {
    const [finding] = plan(eventSource(`${webhook}      maxPaylodSize: 5\n`)).findings;
    expect(finding?.message).toBe("maxPaylodSize is not known here; did you mean maxPayloadSize?");
  });

  test("fields without a value are absent, as for Go", () => {
    const planned = plan(eventSource(`${webhook}      metadata:\n      filter:\n      authSecret: null\n`));
    expect(planned.findings).toEqual([]);
    expect(planned.sources[0]?.config).toEqual({ endpoint: "/orders", method: "POST", port: "12000" });
  });

  test("the filter sees the data and throws what is no JSON", () => {
    const spec = `${webhook}      filter: {expression: 'body.n > 2'}\n`;
    const filter = plan(eventSource(spec)).sources[0]?.filter;
    expect(filter?.(Buffer.from('{"body":{"n":3}}'), 0)).toBe(true);
    expect(filter?.(Buffer.from('{"body":{"n":1}}'), 0)).toBe(false);
    expect(() => filter?.(Buffer.from("{"), 0)).toThrow(expect.objectContaining({ code: "EXPRESSION_FAILED" }));
  });

  test("a port is shared by different paths and methods, and refused for the same twice", () => {
    const entry = (name: string, endpoint: string, method: string) =>
      `    ${name}: {endpoint: ${endpoint}, method: ${method}, port: '12000'}\n`;
    const shared = entry("b", "/b", "POST") + entry("c", "/b", "GET");
    expect(told(eventSource(webhook + shared))).toEqual([]);
    const planned = plan(eventSource(webhook + entry("b", "/orders", "POST")));
    expect(planned.findings).toMatchObject([{ code: "ROUTE_DUPLICATE", line: 11, column: 5 }]);
    expect(planned.findings[0]?.message).toBe("port, path and method are those of es/orders at m.yaml:7:5");
    expect(planned.sources.map(({ event }) => event)).toEqual(["orders"]);
  });

  test("the revision follows the settings", () => {
    const revision = (text: string) => plan(eventSource(text)).sources[0]?.revision;
    expect(revision(webhook)).toMatch(/^[0-9a-f]{16}$/);
    expect(revision(webhook)).toBe(revision(`# comment\n${webhook}`));
    expect(revision(webhook)).not.toBe(revision(webhook.replace("12000", "12001")));
  });

  test("hostile keys are data", () => {
    const planned = plan(
      eventSource(
        `${webhook}      __proto__: {port: '1'}\n    __proto__: {endpoint: /p, port: '1'}\n    constructor: {}\n`,
      ),
    );
    expect(planned.sources.map(({ event }) => event)).toEqual(["orders", "__proto__"]);
    expect(planned.findings.map(({ code }) => code)).toContain("UNKNOWN_FIELD");
  });
});

describe("sensors", () => {
  const http = "        http:\n          url: http://x/\n";

  test.each([
    ["unknown field", sensor(log, "      filtr: {}\n"), "10:7 warning UNKNOWN_FIELD"],
    ["filter outside filters", sensor(log, "      data: []\n"), "10:7 warning FIELD_MISPLACED"],
    ["atLeastOnce in the template", sensor(`${log}        atLeastOnce: true\n`), "14:9 warning FIELD_MISPLACED"],
    [
      "policy in the template",
      sensor(`${http}        policy: {status: {allow: [200]}}\n`),
      "15:9 warning FIELD_MISPLACED",
    ],
    ["type beside the template", sensor(`${log}      http: {url: http://x/}\n`), "14:7 warning FIELD_MISPLACED"],
    ["serverURL", sensor(`${http}          serverURL: http://y/\n`), "15:11 warning FIELD_MISPLACED"],
    ["type settings of a wrong type", sensor(`${http}          timeout: soon\n`), "15:20 error FIELD_TYPE"],
    [
      "unsupported type",
      sensor("        openWhisk: {host: h, actionName: '', payload: []}\n"),
      "13:42 error FIELD_MISSING",
    ],
  ])("%s", (_, text, expected) => {
    expect(told(text)).toContain(expected);
  });

  test.each([
    ["no type", sensor("")],
    ["misspelt type", sensor("        openwhisk: {}\n")],
    ["bad regex", sensor(log, "      filters: {data: [{path: a, type: string, value: ['(']}]}\n")],
    ["bad template", sensor(log, "      filters: {data: [{path: a, type: string, value: [x], template: '{{'}]}\n")],
    ["bad conditions", sensor(`        conditions: a &&\n${log}`)],
    ["dependencies of a wrong type", sensor(log).replace("name: a", "name: [a]")],
    ["no spec", "apiVersion: argoproj.io/v1alpha1\nkind: Sensor\nmetadata:\n  name: s\n"],
    ["spec of a wrong type", "apiVersion: argoproj.io/v1alpha1\nkind: Sensor\nmetadata:\n  name: s\nspec: [1]\n"],
  ])("%s: an error, and the sensor keeps its place", (_, text) => {
    const planned = plan(text);
    expect(planned.findings.some(({ severity }) => severity === "error")).toBe(true);
    expect(planned.sensors).toEqual([]);
    expect(planned.invalidSensors).toEqual([{ namespace: "default", bus: "default", name: "s" }]);
  });

  test("unsupported trigger types are warned of and planned", () => {
    const text = sensor("        kafka: {url: k, topic: t, payload: [{src: {dependencyName: a}, dest: x}]}\n");
    const planned = plan(`${eventSource(webhook)}---\n${text}`);
    expect(planned.findings).toMatchObject([{ severity: "warning", code: "TRIGGER_UNSUPPORTED" }]);
    expect(planned.sensors[0]?.triggers[0]?.kind).toBe("kafka");
  });

  test("the settings of a dlqTrigger are checked too", () => {
    const dlq =
      "      atLeastOnce: true\n      dlqTrigger:\n        atLeastOnce: true\n        template:\n          name: d\n          http: {urll: x}\n";
    expect(told(sensor(log + dlq))).toEqual(expect.arrayContaining([expect.stringMatching(/^19:.* UNKNOWN_FIELD/)]));
    expect(told(sensor(log + dlq))).toEqual(expect.arrayContaining([expect.stringMatching(/^19:.* FIELD_MISSING/)]));
  });

  test.each([
    ["unknown EventSource", eventSource(webhook, "ess"), "8:24 warning DEPENDENCY_UNRESOLVED"],
    ["unknown event", eventSource(webhook.replace("orders:", "order:")), "9:18 warning DEPENDENCY_UNRESOLVED"],
    ["other bus", eventSource(`  eventBusName: b\n${webhook}`), "8:24 warning DEPENDENCY_UNRESOLVED"],
  ])("a dependency that leads nowhere: %s", (_, source, expected) => {
    expect(told(`${sensor(log)}---\n${source}`)).toEqual([expected]);
  });

  test("a dependency on an EventSource that cannot be read is not called lost", () => {
    expect(told(`${sensor(log)}---\n${eventSource(`${webhook}      port: '1'\n`)}`).join()).not.toContain("UNRESOLVED");
  });

  test("a dependency on an entry that is itself invalid is not called misspelt", () => {
    expect(told(`${sensor(log)}---\n${eventSource("  webhook:\n    orders: {}\n")}`).join()).not.toContain(
      "UNRESOLVED",
    );
  });
});

test.each([...lists.sources, ...lists.triggers].map((type) => [type.kind, type.example] as const))(
  "the example of %s is planned without an error",
  (_, example) => {
    const planned = plan(example);
    expect(planned.findings.filter(({ severity }) => severity === "error")).toEqual([]);
    expect(planned.sources.length + planned.sensors.length).toBeGreaterThan(0);
  },
);

describe("buses", () => {
  const bus = (spec: string) =>
    `apiVersion: argoproj.io/v1alpha1\nkind: EventBus\nmetadata: {name: default}\nspec: ${spec}\n`;

  test.each([
    ["{jetstream: {version: latest}}", "jetstream"],
    ["{nats: {native: {replicas: 3}}}", "nats"],
    ["{kafka: {url: 'a:9092'}}", "kafka"],
    ["{jetstreamExotic: {url: 'nats://x'}}", "jetstreamExotic"],
  ])("%s", (spec, kind) => {
    expect(plan(bus(spec))).toMatchObject({ findings: [], buses: [{ namespace: "default", name: "default", kind }] });
  });

  test.each([
    ["{}"],
    ["null"],
    ["{nats: {}}"],
    ["{nats: {native: {}, exotic: {}}}"],
    ["{nats: {exotic: {url: x}}}"],
    ["{jetstream: {}}"],
    ["{jetstream: {version: latest, replicas: 2}}"],
    ["{jetstream: {version: latest, replicas: two}}"],
    ["{jetstream: 5}"],
    ["{kafka: {topic: t}}"],
    ["{jetstreamExotic: {}}"],
  ])("%s is refused", (spec) => {
    expect(plan(bus(spec))).toMatchObject({ findings: [{ severity: "error", code: "BUS_INVALID" }], buses: [] });
  });
});

describe("whatever is in an object", () => {
  const full = `${eventSource(`${webhook}      filter: {expression: body.a == 1}\n      authSecret: {name: s, key: k}\n`)}---
${sensor(
  "        conditions: a\n        http: {url: http://x/, headers: {a: b}, payload: [{src: {dependencyName: a, dataKey: b}, dest: c}]}\n" +
    "      retryStrategy: {steps: 3, duration: 1s}\n      rateLimit: {unit: Second, requestsPerUnit: 1}\n      policy: {status: {allow: [200]}}\n",
  "      filters: {data: [{path: a, type: string, value: [x]}], time: {start: '01:00:00', stop: '02:00:00'}}\n",
)}`;
  const objects = readYaml(full).documents.map(({ value }) => value);

  test("a changed value is planned or refused, and never throws", () => {
    const ways = objects.flatMap((object) => waysInto(object).map((way) => ({ object, way })));
    const evil = fc.oneof(
      fc.jsonValue({ maxDepth: 3 }),
      fc.string({ unit: "binary" }),
      fc.constantFrom(
        "",
        null,
        "{{",
        "a &&",
        "(",
        "$",
        -1,
        1e308,
        [[]],
        [null],
        { toString: 1, valueOf: 1 },
        JSON.parse('{"__proto__":{"a":1}}'),
      ),
    );
    fc.assert(
      fc.property(fc.constantFrom(...ways), evil, ({ object, way }, value) => {
        const read = objectsFrom(changed(object, way, value), { file: "f", folder: "/" });
        const others = objects.flatMap((other) => objectsFrom(other, { file: "g", folder: "/" }).objects);
        const all = { ...read, objects: [...read.objects, ...others] };
        const planned = planManifests(all, lists, { traps: true, portable: true });
        for (const finding of planned.findings) expect(finding.message).not.toBe("");
      }),
      { numRuns: 800 },
    );
  });

  test("every described type takes any settings without throwing", () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...describedSources),
        fc.dictionary(fc.constantFrom("url", "topic", "webhook", "tls", "auth", "events", "type"), fc.jsonValue()),
        ({ kind }, config) => {
          const value = {
            apiVersion: "argoproj.io/v1alpha1",
            kind: "EventSource",
            metadata: { name: "x" },
            spec: { [kind]: { e: config } },
          };
          planManifests(objectsFrom(value, { file: "f", folder: "/" }), lists);
        },
      ),
      { numRuns: 300 },
    );
    expect(new Set(describedTriggers.map(({ kind }) => kind)).size).toBe(7);
    expect(new Set([...describedSources, ...lists.sources].map(({ kind }) => kind)).size).toBe(33);
  });
});

type Way = readonly (string | number)[];

function waysInto(value: unknown, way: Way = []): Way[] {
  if (typeof value !== "object" || value === null) return [way];
  const keys = Array.isArray(value) ? value.keys() : Object.keys(value);
  return [
    way,
    ...[...keys].flatMap((key) => waysInto((value as Record<string | number, unknown>)[key], [...way, key])),
  ];
}

function changed(object: unknown, [key, ...rest]: Way, value: unknown): unknown {
  if (key === undefined) return value;
  const inner = changed((object as Record<string | number, unknown>)[key], rest, value);
  return Array.isArray(object) ? object.with(Number(key), inner) : { ...(object as object), [key]: inner };
}
