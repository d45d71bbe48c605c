import { expect, test } from "vitest";
import { parseAllow } from "../../lib/egress-rules.ts";
import { planTexts } from "../plan.ts";
import { lists } from "../read.ts";

/** Findings of the guard as `line message`. */
function told(text: string, options: object = {}): string[] {
  const { findings } = planTexts([{ text, file: "m.yaml", folder: "/m", named: true }], lists, {
    traps: true,
    ...options,
  });
  return findings
    .filter(({ code }) => code === "EGRESS_REFUSED")
    .map(({ severity, line, message }) => `${severity} ${line} ${message}`);
}

const sensor = (template: string, more = "", egress = "") => `apiVersion: argoproj.io/v1alpha1
kind: Sensor
metadata: {name: s}
spec:
${egress}  dependencies: [{name: a, eventSourceName: es, eventName: e}]
  triggers:
    - template:
        name: t
        ${template}
${more}`;

const publicOnly = { egress: { mode: "public", allow: [] } };
const job = "{apiVersion: batch/v1, kind: Job}";

test.each([
  ["http", "http: {url: 'http://169.254.169.254/latest'}"],
  ["http in another spelling", "http: {url: 'http://0xa9fea9fe/latest'}"],
  ["http by name", "http: {url: 'http://metadata.google.internal/'}"],
  ["slack", "slack: {slackToken: {name: a, key: b}, channel: c, message: m, baseUrl: 'http://169.254.169.254'}"],
  ["email", "email: {host: '0xa9fea9fe', from: a@b.c, to: [a@b.c], subject: s, body: b}"],
  ["sql", "sql: {url: 'postgres://u@169.254.169.254/d', table: t, columns: {a: 1}}"],
  ["sqs", "sqs: {region: r, queueUrl: 'http://169.254.169.254/1/q'}"],
  ["sns", "sns: {region: r, endpoint: 'http://169.254.169.254', topicArn: 'arn:aws:sns:r:1:t'}"],
  ["k8s from a url", "k8s: {source: {url: {path: 'http://169.254.169.254/j'}}}"],
  ["k8s from git", "k8s: {source: {git: {url: 'git@169.254.169.254:a.git', filePath: a}}}"],
  ["k8s from s3", "k8s: {source: {s3: {endpoint: '169.254.169.254:9000', bucket: {name: b, key: k}}}}"],
  [
    "argoWorkflow",
    `argoWorkflow: {operation: retry, server: {url: 'https://169.254.169.254'}, source: {resource: ${job}}}`,
  ],
])("an address that is never connected to is an error: %s", (_, template) => {
  expect(told(sensor(template))).toEqual([
    expect.stringMatching(/^error 9 no connection to .* (never connected to|metadata of a cloud)$/),
  ]);
});

test("what the run will refuse is told with its policy", () => {
  const local = sensor("http: {url: 'http://127.0.0.1:8080/'}");
  expect(told(local)).toEqual([]);
  expect(told(local, publicOnly)).toEqual([expect.stringContaining("127.0.0.0/8 (this machine) is not public")]);
  const rule = parseAllow("127.0.0.1:8080");
  expect(told(local, { egress: { mode: "public", allow: [rule] } })).toEqual([]);
});

test("what the sensor's own list does not have is told, by name too", () => {
  const by = (...allow: string[]) =>
    told(sensor("http: {url: 'https://api.example.com/x'}", "", `  egress: {allow: ${JSON.stringify(allow)}}\n`));
  expect(by("api.example.com")).toEqual([]);
  expect(by("*.example.com:443")).toEqual([]);
  // it may resolve into the range
  expect(by("10.0.0.0/8")).toEqual([]);
  expect(by("other.example.com")).toEqual([
    "error 10 no connection to api.example.com:443: spec.egress.allow of the Sensor does not list it",
  ]);
  expect(by()).toHaveLength(1);
});

test("notifications are told too", () => {
  const more = "  notifications: [{name: tell, template: {http: {url: 'http://169.254.169.254/n'}}}]\n";
  expect(told(sensor("log: {}", more))).toEqual([expect.stringContaining("never connected to")]);
});

test("what parameters replace is not told", () => {
  const parameters = "      parameters: [{src: {dependencyName: a, dataKey: u}, dest: http.url}]\n";
  expect(told(sensor("http: {url: 'http://169.254.169.254/'}", parameters))).toEqual([]);
});

test("sources are told too", () => {
  const source = (types: string) =>
    `apiVersion: argoproj.io/v1alpha1\nkind: EventSource\nmetadata: {name: es}\nspec:\n  ${types}\n`;
  expect(told(source("redisStream: {e: {hostAddress: '169.254.169.254:6379', streams: [A]}}"))).toHaveLength(1);
  expect(told(source("sqs: {e: {region: r, queue: q, endpoint: 'http://127.0.0.1:4566'}}"))).toEqual([]);
  expect(told(source("sqs: {e: {region: r, queue: q, endpoint: 'http://127.0.0.1:4566'}}"), publicOnly)).toHaveLength(
    1,
  );
});

test("an entry that is none is an error of the manifest, and `egress` is told as an extension", () => {
  const text = sensor("log: {}", "", "  egress: {allow: ['https://a.test', 10.0.0.0/8]}\n");
  const { findings } = planTexts([{ text, file: "m.yaml", folder: "/m", named: true }], lists);
  expect(findings.map(({ line, message }) => `${line} ${message}`)).toContainEqual(
    '5 "https://a.test" is a URL: write its host, and its port where only that one is meant',
  );
  const good = sensor("log: {}", "", "  egress: {allow: [a.test]}\n");
  const portable = planTexts([{ text: good, file: "m.yaml", folder: "/m", named: true }], lists, { portable: true });
  expect(portable.findings.map(({ code, message }) => `${code} ${message}`)).toContainEqual(
    "EXTENSION_USED egress is an extension of tidemill: Argo Events does not know it",
  );
});
