import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { Manifests } from "./manifests.ts";
import { readManifests } from "./read.ts";

let folder = "";
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "tidemill-schemas-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

async function read(schema: string, files: Readonly<Record<string, string>> = {}): Promise<Manifests> {
  const manifest = `apiVersion: argoproj.io/v1alpha1
kind: EventSource
metadata: {name: web}
spec:
  webhook:
    jobs:
      endpoint: /jobs
      method: POST
      port: "12000"
      schema: ${schema}
---
apiVersion: argoproj.io/v1alpha1
kind: Sensor
metadata: {name: s}
spec:
  dependencies:
    - name: job
      eventSourceName: web
      eventName: jobs
      schema: ${schema}
  triggers:
    - template: {name: t, conditions: job, log: {}}
`;
  for (const [name, text] of Object.entries({ "m.yaml": manifest, ...files })) {
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await writeFile(join(folder, name), text);
  }
  return readManifests([join(folder, "m.yaml")]);
}

const lines = (found: Manifests): readonly string[] =>
  found.findings.map(
    (one) => `${one.file.slice(folder.length + 1)}:${one.line}:${one.column} ${one.code} ${one.message}`,
  );
const fault = (found: Manifests, data: unknown): string | undefined =>
  found.sources[0]?.schema?.check(Buffer.from(JSON.stringify(data)))?.message;

test("a file is named by its path from the manifest, in JSON or YAML, and refers to files beside it", async () => {
  const found = await read("{ file: schemas/job.yaml, at: body }", {
    "schemas/job.yaml":
      "type: object\nrequired: [item]\nproperties:\n  item: {$ref: 'common/item.json#/$defs/item'}\n  again: {$ref: '#'}\n",
    "schemas/common/item.json": JSON.stringify({
      $id: "https://example.com/item.json",
      $defs: {
        item: { $ref: "https://example.com/item.json#/$defs/thing" },
        thing: { type: "object", properties: { up: { $ref: "../job.yaml" } } },
      },
    }),
  });
  expect(lines(found)).toEqual([]);
  expect(fault(found, { body: { item: { up: { item: {} } } } })).toBeUndefined();
  expect(fault(found, { body: { item: { up: {} } } })).toBe("body.item.up.item: is missing (schema schemas/job.yaml)");
  expect(found.sensors).toHaveLength(1);
});

test("what is wrong in a file is said at its line, and the manifest that names it has an error too", async () => {
  const found = await read("job.json", {
    "job.json": '{\n  "type": "object",\n  "properties": { "a": { "type": "strng" } }\n}\n',
  });
  expect(lines(found)).toContainEqual(expect.stringMatching(/^job\.json:3:34 SCHEMA_BAD type must be/));
  expect(lines(found)).toContainEqual(
    expect.stringMatching(/^m\.yaml:10:15 SCHEMA_BAD the schema job\.json cannot be used/),
  );
  expect(lines(found)).toContainEqual(
    expect.stringMatching(/^m\.yaml:20:15 SCHEMA_BAD the schema job\.json cannot be used/),
  );
  expect(found.sources).toEqual([]);
  expect(found.invalidSensors).toHaveLength(1);
  expect(found.origins.map(({ faulty }) => faulty)).toEqual([true, true]);
});

test("what is wrong in the manifest itself is said at its line", async () => {
  const found = await read("{ inline: { type: object, requierd: [a] }, at: body }");
  expect(lines(found)).toEqual([
    "m.yaml:10:41 SCHEMA_DOUBTFUL requierd is no keyword of JSON Schema, and checks nothing; did you mean required?",
    "m.yaml:20:41 SCHEMA_DOUBTFUL requierd is no keyword of JSON Schema, and checks nothing; did you mean required?",
  ]);
});

test.each([
  ["missing.json", {}, /SCHEMA_UNREADABLE missing\.json cannot be read: there is no such file/],
  ["notes.txt", { "notes.txt": "{}" }, /notes\.txt is no \.json or \.yaml file/],
  ["job.json", { "job.json": "{" }, /^job\.json:.* YAML_INVALID/],
  [
    "job.json",
    { "job.json": '{"$ref": "https://example.com/x.json"}' },
    /^job\.json:1:10 SCHEMA_UNREADABLE https:\/\/example\.com\/x\.json is a URL/,
  ],
  ["job.json", { "job.json": '{"$ref": "none.json"}' }, /^job\.json:1:10 SCHEMA_UNREADABLE none\.json cannot be read/],
  [
    "job.json",
    { "job.json": '{"$ref": "b.json#/$defs/x"}', "b.json": "{}" },
    /^job\.json:1:10 SCHEMA_BAD there is nothing at this reference/,
  ],
  [
    "job.json",
    { "job.json": '{"$ref": "b.json"}', "b.json": '{"$schema": "http://json-schema.org/draft-07/schema#"}' },
    /^b\.json:1:13 SCHEMA_BAD it is of draft draft-07/,
  ],
  ["{ bundle: { documents: [] } }", {}, /bundle is what tidemill stores/],
])("the schema %s with %o is refused", async (schema, files, said) => {
  const found = await read(schema, files);
  expect(lines(found)).toContainEqual(expect.stringMatching(said));
  expect(found.sources).toEqual([]);
  expect(found.sensors).toEqual([]);
});

test("another text of the file is another revision, so that a reload takes it up", async () => {
  const before = await read("job.json", { "job.json": '{"type":"object"}' });
  const after = await read("job.json", { "job.json": '{"type":"array"}' });
  expect(after.sources[0]?.revision).not.toBe(before.sources[0]?.revision);
  expect(after.sensors[0]?.revision).not.toBe(before.sensors[0]?.revision);
});

test("lint --portable lists it, and editors know it", async () => {
  await read("{ type: object }");
  const found = await readManifests([join(folder, "m.yaml")], { portable: true });
  const used = found.findings.filter(({ code, message }) => code === "EXTENSION_USED" && message.startsWith("schema "));
  expect(used.map(({ line }) => line)).toEqual([10, 20]);
});
