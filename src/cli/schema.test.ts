import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { parse } from "yaml";
import { freePort } from "../../test/servers/server.ts";
import { running, tidemill } from "../../test/tidemill.ts";
import { until } from "../../test/until.ts";

let folder = "";
const at = (name: string): string => join(folder, name);
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "tidemill-schema-verb-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const jobs = Array.from({ length: 12 }, (_, i) => ({
  body: { id: `j-${i}`, n: i, no: true, kind: i % 2 ? "a" : "b" },
}));

test("infer proposes a schema from a file, that lint takes and types are made of", async () => {
  await writeFile(at("jobs.jsonl"), jobs.map((job) => `${JSON.stringify(job)}\n`).join(""));
  const inferred = await tidemill(["schema", "infer", "--from", at("jobs.jsonl")]);
  expect(inferred).toMatchObject({
    code: 0,
    err: "inferred from 12 samples of body: 4 fields, all samples match\nin a manifest: schema: { file: FILE, at: body }\n",
  });
  expect(parse(inferred.out)).toMatchObject({
    required: ["id", "n", "no", "kind"],
    properties: { kind: { enum: ["a", "b"] } },
  });
  await writeFile(at("job.schema.yaml"), inferred.out);
  const manifest = `apiVersion: argoproj.io/v1alpha1
kind: EventSource
metadata: {name: web}
spec:
  webhook:
    jobs: {endpoint: /jobs, method: POST, port: "12000", schema: {file: job.schema.yaml, at: body}}
`;
  await writeFile(at("m.yaml"), manifest);
  expect(await tidemill(["lint", at("m.yaml")])).toMatchObject({ code: 0 });
  const expected = 'export interface Job {\n  id: string;\n  n: number;\n  no: boolean;\n  kind: "a" | "b";';
  expect((await tidemill(["schema", "types", at("job.schema.yaml")])).out).toContain(expected);
  const written = await tidemill(["schema", "types", at("m.yaml"), at("job.schema.yaml"), "-o", at("job.d.ts")]);
  expect(written).toMatchObject({ code: 0, out: "" });
  const types = await readFile(at("job.d.ts"), "utf8");
  expect(types).toContain(expected);
  expect(types.split("export interface")).toHaveLength(2);
});

test("infer reads what a running tidemill has recorded, and a bad job is seen by every verb", async () => {
  const port = await freePort();
  const text = `apiVersion: argoproj.io/v1alpha1
kind: EventSource
metadata: {name: web}
spec:
  webhook:
    jobs: {endpoint: /jobs, method: POST, port: "${port}"}
---
apiVersion: argoproj.io/v1alpha1
kind: Sensor
metadata: {name: s}
spec:
  dependencies:
    - {name: job, eventSourceName: web, eventName: jobs, schema: {inline: {type: object, required: [id]}, at: body}}
  triggers: [{template: {name: t, log: {}}}]
`;
  await writeFile(at("run.yaml"), text);
  await using run = await running([at("run.yaml")], { dataDir: at("data") });
  const ask = (...args: readonly string[]) => tidemill([...args, "--admin", run.admin]);
  for (const job of jobs)
    await fetch(`http://127.0.0.1:${port}/jobs`, { method: "POST", body: JSON.stringify(job.body) });
  const inferred = await until("all are recorded", async () => {
    const ended = await ask("schema", "infer", "web/jobs", "-o", "json", "--at", "body.id");
    return ended.err.startsWith("inferred from 12 samples of body.id") && ended;
  });
  expect(JSON.parse(inferred.out)).toMatchObject({ type: "string" });
  const sent = await ask("send", "web/jobs", "-d", '{"body":{}}', "--wait");
  expect(sent).toMatchObject({ code: 1, out: expect.stringContaining("a firing of it is dead") });
  const message = "body.id: is missing (schema inline)";
  expect((await ask("dlq", "ls")).out).toContain(`TM2007 ${message}`);
  const id = sent.out.split(" ")[0] ?? "";
  expect((await ask("why", id)).out).toContain(message);
  expect(await ask("audit")).toMatchObject({ code: 0 });
}, 30_000);

test("what cannot be read is refused in a sentence", async () => {
  await writeFile(at("bad.jsonl"), "{}\n{\n");
  await writeFile(at("bad.json"), '{"type": "strng"}');
  expect(await tidemill(["schema", "infer", "--from", at("bad.jsonl")])).toMatchObject({
    code: 2,
    err: expect.stringContaining("line 2 of"),
  });
  expect(await tidemill(["schema", "infer", "--from", at("none.jsonl")])).toMatchObject({ code: 2 });
  expect(await tidemill(["schema", "infer"])).toMatchObject({ code: 2, err: expect.stringContaining("web/hello") });
  expect(await tidemill(["schema", "types", at("bad.json")])).toMatchObject({
    code: 1,
    err: expect.stringMatching(/bad\.json:1:10: TM1060/),
  });
  expect(await tidemill(["schema", "types", at("none.json")])).toMatchObject({ code: 1 });
});
