import { describe, expect, test } from "vitest";
import { planTexts } from "../plan.ts";
import { lists } from "../read.ts";

/** The warnings of YAML text as `line CODE message`, without those that say that something has no connector yet. */
function told(text: string, options: { portable?: boolean } = {}): string[] {
  const { findings } = planTexts([{ text, file: "m.yaml", folder: "/m", named: true }], lists, {
    traps: true,
    ...options,
  });
  return findings
    .filter(({ code }) => !code.endsWith("_UNSUPPORTED"))
    .map(({ line, code, message }) => `${line} ${code} ${message}`);
}

const source = (types: string) => `apiVersion: argoproj.io/v1alpha1
kind: EventSource
metadata: {name: es}
spec:
${types}---
`;
const web = source("  webhook:\n    e: {endpoint: /e, port: '12000', method: POST}\n");

/** Filters at line 15 (behind `web`), triggers after them. */
function sensor({
  filters = "",
  triggers = "",
  more = "",
}: {
  filters?: string;
  triggers?: string;
  more?: string;
} = {}): string {
  return `apiVersion: argoproj.io/v1alpha1
kind: Sensor
metadata: {name: s}
spec:
  dependencies:
    - {name: a, eventSourceName: es, eventName: e${filters === "" ? "" : `, ${filters}`}}
${more}  triggers:
${triggers === "" ? "    - template: {name: t, log: {}}\n" : triggers}`;
}

const data = (...items: readonly string[]) => `filters: {data: [${items.join(", ")}]}`;
const http = (config: string) => `    - template: {name: t, http: {url: http://x, ${config}}}\n`;
const parameter = (src: string, dest: string, dependency = "a") =>
  `{src: {dependencyName: ${dependency}, ${src}}, dest: ${dest}}`;

test("a webhook and a sensor that use each other well have no findings", () => {
  const filters = data("{path: body.a, type: string, value: [x]}");
  expect(told(web + sensor({ filters, triggers: http(`payload: [${parameter("dataKey: body", "x")}]`) }))).toEqual([]);
});

test("a dlqTrigger for messages that stay on their queue until they succeed is a trap", () => {
  const queue = (more: string) => source(`  sqs:\n    e: {region: r, queue: q${more}}\n`);
  const dlq = "dlqTrigger: {atLeastOnce: true, template: {name: d, log: {}}}";
  const trigger = sensor({
    triggers: `    - {template: {name: t, log: {}}, atLeastOnce: true, concurrency: 2, ${dlq}}\n`,
  });
  expect(told(queue("") + trigger)).toEqual([]);
  expect(told(queue(", ackPolicy: onTriggered") + trigger)).toEqual([
    "15 DEAD_TWICE runs each time that a message of es/e comes again and fails again",
  ]);
});

describe("paths into the data", () => {
  const missing = /^13 DATA_PATH_MISSING the data of webhook events has no "order"/;

  test.each([
    ["of a data filter", sensor({ filters: data("{path: order.state, type: string, value: [x]}") })],
    ["of an expression", sensor({ filters: "filters: {exprs: [{expr: a == 1, fields: [{name: a, path: order}]}]}" })],
    [
      "of a pattern",
      sensor({
        filters:
          "filters: {pattern: {order: {state: [new]}, body: {a: [1]}, $or: [{body: {b: [2]}}, {body: {c: [3]}}]}}",
      }),
    ],
  ])("that lack body, %s", (_, text) => {
    expect(told(web + text)).toEqual([expect.stringMatching(missing)]);
  });

  test.each([
    ["dataKey", `dataKey: order.id`],
    ["dataTemplate", `dataTemplate: "{{ .Input.order.id }}"`],
  ])("of a parameter's %s", (_, src) => {
    const [only] = told(web + sensor({ triggers: http(`payload: [${parameter(src, "x")}]`) })).filter((one) =>
      one.includes("DATA_PATH"),
    );
    expect(only).toMatch(/^15 DATA_PATH_MISSING/);
  });

  test.each([
    [
      "wildcards and modifiers",
      data("{path: '@this', type: string, value: [x]}", "{path: '*.a', type: string, value: [x]}"),
    ],
    [
      "the envelope's own keys",
      data("{path: header.X-A.0, type: string, value: [x]}", "{path: metadata.a, type: string, value: [x]}"),
    ],
    ["a transform", `${data("{path: order, type: string, value: [x]}")}, transform: {jq: .body}`],
  ])("%s are left alone", (_, filters) => {
    expect(told(web + sensor({ filters })).filter((one) => /DATA_PATH|BODY/.test(one))).toEqual([]);
  });

  test("an EventSource that is not there is not known", () => {
    expect(told(sensor({ filters: data("{path: order, type: string, value: [x]}") })).join()).not.toContain(
      "DATA_PATH",
    );
  });

  test("nothing is inside of base64 text, until jsonBody is set", () => {
    const sqs = (more: string) => source(`  sqs:\n    e: {region: r, queue: q${more}}\n`);
    const text = sensor({ filters: data("{path: body.a, type: string, value: [x]}") });
    expect(told(sqs("") + text)).toEqual([
      expect.stringMatching(/^13 BODY_ENCODED the body of es\/e is text, because jsonBody/),
    ]);
    expect(told(sqs(", jsonBody: true") + text)).toEqual([]);
    expect(told(sqs("") + sensor({ filters: data("{path: body, type: string, value: [x]}") }))).toEqual([]);
  });
});

describe("filters that never pass", () => {
  test.each([
    ["numbers", "{path: body.n, type: number, value: ['1']}", "{path: body.n, type: number, value: ['2']}"],
    [
      "ranges",
      "{path: body.n, type: number, comparator: '>', value: ['5']}",
      "{path: body.n, type: number, comparator: <, value: ['5']}",
    ],
    ["bools", "{path: body.b, type: bool, value: ['true']}", "{path: body.b, type: bool, value: ['f']}"],
    ["texts", "{path: body.t, type: string, value: ['^a$']}", "{path: body.t, type: string, value: ['^b', c]}"],
    [
      "text and not",
      "{path: body.t, type: string, value: ['^a$']}",
      "{path: body.t, type: string, comparator: '!=', value: [a]}",
    ],
  ])("contradicting %s, and the trigger that waits for them", (_, one, two) => {
    expect(told(web + sensor({ filters: data(one, two) }))).toEqual([
      expect.stringMatching(/^13 FILTER_NEVER no value of body\.\w passes this filter and data\[0\]/),
      expect.stringMatching(/^15 TRIGGER_UNREACHABLE t never fires: no event comes for a/),
    ]);
  });

  test.each([
    [
      "ranges that meet",
      "{path: body.n, type: number, comparator: '>=', value: ['5']}",
      "{path: body.n, type: number, comparator: <, value: ['6']}",
    ],
    [
      "a hole",
      "{path: body.n, type: number, comparator: '!=', value: ['5']}",
      "{path: body.n, type: number, comparator: '>', value: ['4']}",
    ],
    ["unanchored texts", "{path: body.t, type: string, value: [a]}", "{path: body.t, type: string, value: [b]}"],
    ["other paths", "{path: body.n, type: number, value: ['1']}", "{path: body.m, type: number, value: ['2']}"],
  ])("%s pass", (_, one, two) => {
    expect(told(web + sensor({ filters: data(one, two) }))).toEqual([]);
  });

  test("contradictions are fine where one of them is enough", () => {
    const items = data("{path: body.n, type: number, value: ['1']}", "{path: body.n, type: number, value: ['2']}");
    expect(told(web + sensor({ filters: items.replace("{data", "{dataLogicalOperator: or, data") }))).toEqual([]);
  });

  test("a text with an order, an anchor in the middle, != with several values", () => {
    const codes = (item: string) => told(web + sensor({ filters: data(item) })).map((one) => one.split(" ")[1]);
    expect(codes("{path: body.t, type: string, comparator: '>', value: [a]}")).toEqual(["FILTER_NEVER"]);
    expect(codes("{path: body.t, type: string, value: ['a^b']}")).toEqual(["FILTER_NEVER"]);
    expect(codes("{path: body.t, type: string, value: ['a$b']}")).toEqual(["FILTER_NEVER"]);
    expect(codes("{path: body.t, type: string, comparator: '!=', value: [a, b]}")).toEqual(["FILTER_NOT_ANY"]);
  });

  test("text behind a complete expression", () => {
    const filters = "filters: {exprs: [{expr: (x == 1) (x == 2), fields: [{name: x, path: body.a}]}]}";
    expect(told(web + sensor({ filters }))).toEqual([
      expect.stringMatching(/^13 EXPRESSION_CUT everything from "\(x == 2\)"/),
    ]);
  });
});

describe("templates", () => {
  const codes = (template: string) =>
    told(web + sensor({ triggers: http(`payload: [${parameter(`dataTemplate: '${template}'`, "x")}]`) })).map(
      (one) => one.split(" ")[1],
    );

  test.each([
    ["{{ if eq .Input.body.n 42 }}a{{ end }}", ["TEMPLATE_COMPARES"]],
    ["{{ if and true (lt 1 .Input.body.n) }}a{{ end }}", ["TEMPLATE_COMPARES"]],
    ["{{ if eq .Input.body.n 42.0 }}a{{ end }}", []],
    ["{{ if eq (int .Input.body.n) 42 }}a{{ end }}", []],
    ["{{ .Input.body.orderId }}", ["TEMPLATE_NUMBER"]],
    ["{{ .Input.body.orderId | int64 }}", []],
    ["{{ .Input.body.name }}", []],
  ])("%s", (template, expected) => {
    expect(codes(template)).toEqual(expected);
  });

  test("in a data filter .Input is text", () => {
    const filters = data("{path: body.n, type: string, value: [x], template: '{{ if gt .Input 5 }}x{{ end }}'}");
    expect(told(web + sensor({ filters }))).toEqual([expect.stringMatching(/TEMPLATE_COMPARES .* is text$/)]);
  });
});

describe("destinations", () => {
  const payload = (...parameters: readonly string[]) =>
    told(web + sensor({ triggers: http(`payload: [${parameters.join(", ")}]`) })).map((one) =>
      one.replace(/^\d+ /, ""),
    );
  const key = "dataKey: body";

  test.each([
    [
      "the same twice",
      [parameter(key, "a"), parameter(key, "a")],
      "DEST_LOST what is set here is replaced by parameter 1, which sets a",
    ],
    [
      "one around it",
      [parameter(key, "a.b"), parameter(key, "a")],
      "DEST_LOST what is set here is replaced by parameter 1, which sets a",
    ],
    ["a gap", [parameter(key, "a.1")], "DEST_LOST the list a has 0 entries before: null fills the gap"],
    [
      "a query",
      [parameter(key, "'a.#(b==1)'")],
      "DEST_LOST a.#(b==1) searches for what is there, and the body begins empty: nothing is set",
    ],
    [
      "the whole body",
      [parameter(key, "''"), parameter(key, "a")],
      'DEST_LOST a parameter with `dest: ""` is the whole body: what comes after it is ignored, what came before is replaced',
    ],
  ])("%s", (_, parameters, expected) => {
    expect(payload(...parameters)).toEqual([expected]);
  });

  test("a list in order, a fallback of another dependency, and inner places behind outer ones are fine", () => {
    expect(payload(parameter(key, "a.0"), parameter(key, "a.1"), parameter(key, "b"), parameter(key, "b.c"))).toEqual(
      [],
    );
    const fallback = `payload: [${parameter(key, "x")}, ${parameter(key, "x", "b")}]`;
    const more = "    - {name: b, eventSourceName: es, eventName: e}\n";
    expect(told(web + sensor({ more, triggers: http(fallback) }))).toEqual([]);
  });

  test("in an object that is written in place, the place must be there", () => {
    const k8s = (dest: string) => `    - template:
        name: t
        k8s:
          source: {resource: {apiVersion: v1, kind: Pod, metadata: {name: p}, spec: {containers: [{name: c}]}}}
          parameters: [${parameter(key, `'${dest}'`)}]
`;
    const codes = (dest: string) => told(web + sensor({ triggers: k8s(dest) }));
    expect(codes("spec.containers.2.image")).toEqual([
      expect.stringContaining("spec.containers has 1 entries: null fills the gap up to 2"),
    ]);
    expect(codes("spec.containers.first.image")).toEqual([
      expect.stringContaining("spec.containers is a list: first is no index"),
    ]);
    expect(codes('spec.containers.#(name=="d").image')).toEqual([
      expect.stringContaining("finds nothing in the object"),
    ]);
    for (const dest of [
      "spec.containers.0.image",
      "spec.containers.1.name",
      'spec.containers.#(name=="c").name',
      "metadata.labels.a",
    ])
      expect(codes(dest)).toEqual([]);
  });
});

describe("triggers", () => {
  const one = (fields: string, template = "log: {}") => `    - template: {name: t, ${template}}\n${fields}`;

  test("atLeastOnce makes a trigger serial, unless concurrency says what is meant", () => {
    const found = told(web + sensor({ triggers: one("      atLeastOnce: true\n") }));
    expect(found).toEqual([expect.stringMatching(/^16 TRIGGER_SERIAL firings run one after the other/)]);
    expect(told(web + sensor({ triggers: one("      atLeastOnce: true\n      concurrency: 1\n") }))).toEqual([]);
  });

  test("conditionsReset without a zone, and with one", () => {
    const reset = (more: string) => one("", `conditionsReset: [{byTime: {cron: 0 8 * * *${more}}}], log: {}`);
    expect(told(web + sensor({ triggers: reset("") }))).toContainEqual(
      expect.stringMatching(/^15 RESET_ZONE 0 8 \* \* \* is counted in UTC/),
    );
    expect(told(web + sensor({ triggers: reset(", timezone: UTC") })).join()).not.toContain("RESET_ZONE");
  });

  test("a quoted factor", () => {
    const found = told(web + sensor({ triggers: one('      retryStrategy: {factor: "2"}\n') }));
    expect(found).toEqual([expect.stringMatching(/^16 BACKOFF_QUOTED factor is a text/)]);
  });

  test("several types, an unused dependency, names that collide", () => {
    const more =
      "    - {name: a-b, eventSourceName: es, eventName: e}\n    - {name: a_b, eventSourceName: es, eventName: e}\n";
    const triggers = one("", "conditions: a && a-b, log: {}, http: {url: http://x}");
    expect(told(web + sensor({ more, triggers })).map((found) => found.split(" ").slice(0, 2).join(" "))).toEqual([
      "15 DEPENDENCY_UNUSED",
      "15 NAME_COLLISION",
      "17 TRIGGER_TYPES",
    ]);
  });

  test("a trigger whose event is nowhere cannot be reached; with || it can", () => {
    const more = "    - {name: b, eventSourceName: es, eventName: f}\n";
    const found = (conditions: string) =>
      told(web + sensor({ more, triggers: one("", `conditions: ${conditions}, log: {}`) })).join("\n");
    expect(found("a && b")).toContain("TRIGGER_UNREACHABLE t never fires: no event comes for b");
    expect(found("a || b")).not.toContain("TRIGGER_UNREACHABLE");
  });

  test("two dependencies on one event, where a NATS Streaming bus refuses them", () => {
    const more = "    - {name: b, eventSourceName: es, eventName: e}\n";
    const bus = (spec: string) =>
      `apiVersion: argoproj.io/v1alpha1\nkind: EventBus\nmetadata: {name: default}\nspec: ${spec}\n---\n`;
    expect(told(bus("{nats: {native: {}}}") + web + sensor({ more })).join()).toContain("EVENT_TWICE");
    expect(told(bus("{jetstream: {version: v}}") + web + sensor({ more }))).toEqual([]);
  });
});

test("an object whose name is taken is looked at all the same", () => {
  const second = sensor({ triggers: "    - template: {name: t, log: {}}\n      atLeastOnce: true\n" });
  expect(told(`${web}${sensor()}---\n${second}`).map((found) => found.split(" ")[1])).toEqual([
    "OBJECT_DUPLICATE",
    "TRIGGER_SERIAL",
  ]);
});

test("a key that a Secret of the manifests does not have", () => {
  const secret = "---\napiVersion: v1\nkind: Secret\nmetadata: {name: known}\nstringData: {token: x}\n";
  const triggers = (name: string, key: string) => http(`basicAuth: {username: {name: ${name}, key: ${key}}}`);
  const found = (name: string, key: string) => told(web + sensor({ triggers: triggers(name, key) }) + secret);
  expect(found("known", "tokn")).toEqual([
    "15 SECRET_KEY_MISSING the Secret known among the manifests has no key tokn",
  ]);
  expect(found("known", "token")).toEqual([]);
  expect(found("other", "token")).toEqual([]);
  const auth = source(
    "  webhook:\n    e: {endpoint: /e, port: '1', method: POST, authSecret: {name: known, key: none}}\n",
  );
  expect(told(auth + sensor() + secret)).toEqual([expect.stringMatching(/^6 SECRET_KEY_MISSING/)]);
});

describe("portable", () => {
  const portable = (text: string) => told(text, { portable: true });

  test("nothing is said of what both do alike", () => {
    expect(portable(web + sensor())).toEqual([]);
  });

  test.each([
    [
      "a field of a trigger",
      web + sensor({ triggers: "    - template: {name: t, log: {}}\n      concurrency: 4\n" }),
      "16 EXTENSION_USED concurrency is",
    ],
    [
      "a field of a source",
      source("  sqs:\n    e: {region: r, queue: q, receivers: 2}\n"),
      "6 EXTENSION_USED receivers is",
    ],
    [
      "a pattern filter",
      web + sensor({ filters: "filters: {pattern: {body: {a: [x]}}}" }),
      "13 EXTENSION_USED pattern is",
    ],
    [
      "retries",
      web + sensor({ triggers: "    - template: {name: t, log: {}}\n      retryStrategy: {steps: 3}\n" }),
      "16 DIFFERS_UPSTREAM without atLeastOnce there is one attempt",
    ],
    ["any status", web + sensor({ triggers: http("method: PUT") }), "15 DIFFERS_UPSTREAM without policy.status"],
    ["a method", web.replace("POST", "PUT"), "6 DIFFERS_UPSTREAM PUT requests are answered with 400 there"],
    ["a name", sensor().replaceAll("name: a,", "name: 1a,"), "6 DIFFERS_UPSTREAM a trigger whose conditions name"],
    [
      "parameters of slack",
      web +
        sensor({
          triggers: `    - template: {name: t, slack: {slackToken: {name: a, key: b}, parameters: [${parameter("dataKey: body", "message")}]}}\n`,
        }),
      "15 DIFFERS_UPSTREAM parameters of slack have no effect there",
    ],
    [
      "a built-in name",
      source("  redisStream:\n    e: {hostAddress: 'h:1', streams: [s], filter: {expression: values.a == 'x'}}\n"),
      "6 DIFFERS_UPSTREAM values is a function there",
    ],
    [
      "a folder",
      source("  file:\n    e: {eventType: CREATE, watchPathConfig: {directory: /d, path: x}}\n"),
      "6 DIFFERS_UPSTREAM no path matches there without a /",
    ],
  ])("%s", (_, text, expected) => {
    expect(portable(text).filter((one) => /EXTENSION|DIFFERS/.test(one))).toContainEqual(
      expect.stringContaining(expected),
    );
  });

  test("a payload of an event that a firing may be without", () => {
    const more = "    - {name: b, eventSourceName: es, eventName: e}\n";
    const triggers = (value: string) =>
      `    - template: {name: t, conditions: a || b, awsLambda: {functionName: f, region: r, payload: [${parameter(`dataKey: body${value}`, "x")}]}}\n`;
    expect(portable(web + sensor({ more, triggers: triggers("") })).join()).toContain(
      "the sensor crashes there when it fires without an event of a",
    );
    expect(portable(web + sensor({ more, triggers: triggers(", value: ''") })).join()).not.toContain("crashes");
  });

  test("two types on one port", () => {
    const two = source(
      "  webhook:\n    e: {endpoint: /e, port: '1', method: POST}\n  sns:\n    f: {webhook: {endpoint: /f, port: '1', url: http://x}, topicArn: t, region: r}\n",
    );
    expect(portable(two)).toEqual([expect.stringMatching(/^8 DIFFERS_UPSTREAM port 1 is also that of webhook e/)]);
    expect(told(two)).toEqual([]);
  });
});
