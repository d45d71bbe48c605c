import { expect, test } from "vitest";
import { planTexts } from "../manifests/plan.ts";
import { lists } from "../manifests/read.ts";
import { describedTriggers } from "../manifests/types/trigger-types.ts";
import { createValues } from "../manifests/values.ts";
import { testEvent, testPlan, testSpec } from "../sensors/testing.ts";
import { triggers } from "../triggers/index.ts";
import { createRenderer, type Renderer } from "./render.ts";

const firing = { id: "f".repeat(32), madeUs: 0, events: new Map([["a", testEvent({ data: { n: 7, s: "x\u00e9" } })]]) };
const parameter = (dataKey: string, dest: string) => ({ src: { dependencyName: "a", dataKey }, dest });

/** What a trigger of this template would send. */
async function rendered(template: object): Promise<unknown> {
  const plan = testPlan(testSpec({ dependencies: ["a"], template: { log: undefined, ...template } }));
  const [trigger] = plan.triggers;
  if (trigger === undefined) throw new Error("there is no trigger");
  return shown(plan, trigger, firing);
}

const shown: Renderer = (...args) => {
  const kinds = new Set(triggers.map(({ kind }) => kind));
  const render = createRenderer({
    types: [...triggers, ...describedTriggers.filter(({ kind }) => !kinds.has(kind))],
    values: createValues({ env: {}, secrets: [], configMaps: [] }),
    fetch: false,
    keep: (_, open) => open(),
    signal: new AbortController().signal,
  });
  return render(...args);
};

test("a request has what the manifest makes, in its own spelling, and the content type that is added", async () => {
  const payload = [parameter("n", "n"), parameter("s", "s")];
  expect(
    await rendered({ http: { url: "http://u:p@h/x?a=b#c", payload, headers: { "x-A": "1" }, host: "other" } }),
  ).toEqual({
    method: "POST",
    url: "http://***@h/x?a=b#c",
    headers: { Host: "other", "x-A": "1", Authorization: "Basic ***", "Content-Type": "application/json" },
    body: '{"n":"7","s":"xé"}',
  });
  const own = { "Idempotency-Key": "mine", "User-Agent": "us", "Content-Type": "text/x" };
  expect(await rendered({ http: { url: "http://h", method: "GET", headers: own } })).toEqual({
    method: "GET",
    url: "http://h",
    headers: own,
    body: "",
  });
});

test("a body that is no JSON is the text that is sent", async () => {
  expect(await rendered({ http: { url: "http://h", payload: [parameter("s", "")] } })).toMatchObject({
    headers: { "Content-Type": "text/plain; charset=utf-8" },
    body: "xé",
  });
});

test("objects are shown as they are before labels and names are added, also those that have no connector", async () => {
  const resource = { apiVersion: "v1", kind: "X", metadata: { generateName: "x-" }, spec: { n: 0 } };
  const object = { source: { resource }, parameters: [parameter("n", "spec.n")] };
  const expected = { resource: { ...resource, spec: { n: "7" } } };
  expect(await rendered({ k8s: object })).toEqual(expected);
  expect(await rendered({ argoWorkflow: { ...object, operation: "submit" } })).toEqual(expected);
});

test("other triggers show their own fields, resolved, with the payload and without the places of secrets", async () => {
  const payload = [parameter("n", "n")];
  const kafka = {
    url: "k:9092",
    topic: "t",
    partitioningKey: "p",
    sasl: { userSecret: { name: "s", key: "u" }, mechanism: "PLAIN" },
  };
  expect(await rendered({ kafka: { ...kafka, payload, parameters: [parameter("s", "topic")] } })).toEqual({
    url: "k:9092",
    topic: "xé",
    partitioningKey: "p",
    sasl: { mechanism: "PLAIN" },
    payload: '{"n":"7"}',
  });
});

test("the example of every trigger type that there is can be shown", async () => {
  for (const { kind, example } of triggers) {
    const { sensors } = planTexts([{ text: example, file: "example.yaml", folder: "/", named: true }], lists);
    const [plan] = sensors;
    const [trigger] = plan?.triggers ?? [];
    if (plan === undefined || trigger === undefined) throw new Error(`the example of ${kind} cannot be planned`);
    const name = plan.dependencies[0]?.name ?? "";
    const events = new Map([[name, testEvent({ data: { body: { a: 1 } } })]]);
    expect(await shown(plan, trigger, { ...firing, events }), kind).toBeTypeOf("object");
  }
});

test("what cannot be resolved is said, not sent", async () => {
  await expect(rendered({ http: { url: "http://h", payload: [parameter("nothing", "x")] } })).rejects.toMatchObject({
    code: "PARAMETER_UNRESOLVED",
  });
  await expect(rendered({ http: { url: "ftp://h" } })).rejects.toMatchObject({ code: "REQUEST_INVALID" });
});
