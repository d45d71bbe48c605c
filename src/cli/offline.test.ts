import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { z } from "zod";
import { tidemill } from "../../test/tidemill.ts";
import { answers } from "../console/answers.ts";

/* The verbs that need no server: lint, explain, schema, graph. */

let folder = "";
const at = (name: string): string => join(folder, name);

const sensor = `apiVersion: argoproj.io/v1alpha1
kind: Sensor
metadata: {name: s}
spec:
  dependencies:
    - {name: a, eventSourceName: es, eventNme: e}
  triggers:
    - template:
        name: t
        atLeastOnce: true
        log: {}
      concurrency: 2
`;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "tidemill-offline-"));
  await writeFile(at("s.yaml"), sensor);
  await writeFile(
    at("odd, name:100%.yaml"),
    sensor.replace("name: s}", "name: other}").replace("eventNme", "eventName").replace("log: {}", "log: {a: 1}"),
  );
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** What the SARIF 2.1.0 standard demands of the parts that are written. */
const sarifSchema = z.strictObject({
  $schema: z.url(),
  version: z.literal("2.1.0"),
  runs: z.tuple([
    z.strictObject({
      tool: z.strictObject({
        driver: z.strictObject({
          name: z.string().min(1),
          version: z.string(),
          rules: z.array(
            z.strictObject({
              id: z.string().regex(/^TM\d{4}$/),
              shortDescription: z.strictObject({ text: z.string().min(1) }),
              help: z.strictObject({ text: z.string().min(1) }),
            }),
          ),
        }),
      }),
      columnKind: z.enum(["utf16CodeUnits", "unicodeCodePoints"]),
      results: z.array(
        z.strictObject({
          ruleId: z.string(),
          ruleIndex: z.int().min(0),
          level: z.enum(["none", "note", "warning", "error"]),
          message: z.strictObject({ text: z.string().min(1) }),
          locations: z.array(
            z.strictObject({
              physicalLocation: z.strictObject({
                artifactLocation: z.strictObject({ uri: z.string().regex(/^[\w%./:+~-]+$/) }),
                region: z.strictObject({ startLine: z.int().min(1), startColumn: z.int().min(1) }),
              }),
            }),
          ),
        }),
      ),
    }),
  ]),
});

describe("lint", () => {
  test("as SARIF it is what the standard says, and each result names its rule", async () => {
    const { code, out } = await tidemill(["lint", ".", "-o", "sarif"], { cwd: folder });
    expect(code).toBe(1);
    const [{ tool, results }] = sarifSchema.parse(JSON.parse(out)).runs;
    for (const { ruleId, ruleIndex } of results) expect(tool.driver.rules[ruleIndex]?.id).toBe(ruleId);
    const uris = new Set(results.map(({ locations }) => locations[0]?.physicalLocation.artifactLocation.uri));
    expect(uris).toEqual(new Set(["odd%2C%20name%3A100%25.yaml", "s.yaml"]));
    expect(results.map(({ ruleId, level }) => `${ruleId} ${level}`)).toContain("TM1021 error");
  });

  test("as workflow commands it is escaped as GitHub wants it", async () => {
    const { out } = await tidemill(["lint", ".", "-o", "github"], { cwd: folder });
    expect(out).toContain(
      "::warning file=s.yaml,line=6,col=38,title=TM1024::eventNme is not known here; did you mean eventName?",
    );
    expect(out).toContain("::warning file=odd%2C name%3A100%25.yaml,line=11,col=15,title=TM1024::a is not known here");
    for (const line of out.trimEnd().split("\n"))
      expect(line).toMatch(/^::(error|warning) file=[^:]*,line=\d+,col=\d+,title=TM\d{4}::/);
  });

  test("--strict makes unknown and misplaced fields errors", async () => {
    const { out } = await tidemill(["lint", at("s.yaml"), "--strict", "-o", "json"]);
    const codes = answers.lint.parse(JSON.parse(out)).findings.map(({ code, severity }) => `${code} ${severity}`);
    expect(codes).toEqual(
      ["TM1024 error", "TM1021 error", "TM1025 error"].toSorted((a, b) => codes.indexOf(a) - codes.indexOf(b)),
    );
  });

  test("--portable adds what Argo Events does not know", async () => {
    const file = at("odd, name:100%.yaml");
    const codes = async (...args: string[]) =>
      answers.lint
        .parse(JSON.parse((await tidemill(["lint", file, "-o", "json", ...args])).out))
        .findings.map(({ code }) => code);
    expect(await codes()).not.toContain("TM1120");
    expect(await codes("--portable")).toContain("TM1120");
  });

  test("--fix corrects in place and says what; a second time nothing changes", async () => {
    const file = at("fix.yaml");
    await writeFile(file, sensor);
    const first = await tidemill(["lint", file, "--fix"]);
    expect(first).toMatchObject({ code: 0 });
    expect(first.err).toContain(`fixed ${file}:6: eventNme is now eventName\n`);
    expect(first.err).toContain(`fixed ${file}:10: atLeastOnce stands beside template now\n`);
    const after = await readFile(file, "utf8");
    expect(after).toContain("        log: {}\n      atLeastOnce: true\n      concurrency: 2\n");
    const second = await tidemill(["lint", file, "--fix"]);
    expect(second.err).not.toContain("fixed");
    expect(await readFile(file, "utf8")).toBe(after);
    await rm(file);
  });
});

describe("explain", () => {
  test("a code has a page", async () => {
    const { code, out } = await tidemill(["explain", "tm1105"]);
    expect(code).toBe(0);
    expect(out).toMatch(/^TM1105 {2}FILTER_NEVER\n\nA filter can never pass\.\n/);
    expect(out).toContain("\nBefore:\n  data:\n");
    expect(out).toContain("\nFix: Correct the values");
  });

  test("a field has its type, default and what is in it", async () => {
    expect((await tidemill(["explain", "http.timeout"])).out).toBe(
      "KIND     Sensor\nFIELD    spec.triggers[].template.http.timeout\nTYPE     whole number\nDEFAULT  60\n\nSeconds for the whole exchange, redirects included. Default 60.\n",
    );
    const { out } = await tidemill(["explain", "sensor.spec.dependencies"]);
    expect(out).toContain("FIELDS\n  name                    <text> required");
  });

  test("what is not there, or not clear, is refused with what was meant", async () => {
    for (const [what, said] of [
      ["htp.url", "did you mean http.url?"],
      ["TM1", "there is no code TM1"],
      ["topicArn", "eventsource.spec.sns.topicArn"],
    ] as const)
      expect(await tidemill(["explain", what])).toMatchObject({ code: 2, out: "", err: expect.stringContaining(said) });
  });
});

test("schema prints JSON Schema, and refuses other kinds", async () => {
  for (const kind of ["EventSource", "Sensor", "EventBus"]) {
    const { out } = await tidemill(["schema", kind]);
    expect(JSON.parse(out)).toMatchObject({
      $schema: "https://json-schema.org/draft/2020-12/schema",
      title: kind,
      properties: { kind: { const: kind } },
    });
  }
  expect(await tidemill(["schema", "Pod"])).toMatchObject({
    code: 2,
    out: "",
    err: expect.stringContaining("Allowed choices"),
  });
});

test("graph draws in each format, and refuses when there is nothing to draw", async () => {
  const file = at("odd, name:100%.yaml");
  expect((await tidemill(["graph", file])).out).toMatch(/^flowchart LR\n/);
  expect((await tidemill(["graph", file, "-f", "dot"])).out).toMatch(/^digraph tidemill \{\n/);
  expect((await tidemill(["graph", file, "-f", "svg"])).out).toMatch(/^<svg xmlns=.*<\/svg>\n$/s);
  const broken = await tidemill(["graph", at("s.yaml")]);
  expect(broken).toMatchObject({ code: 2, out: "", err: expect.stringContaining("no Sensor to draw") });
});
