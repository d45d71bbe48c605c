import { expect, test } from "vitest";
import { handIn, lists, planTexts, run, why } from "./index.ts";
import { defineSource, defineTrigger, object, type Source, type Trigger, text } from "./kit/index.ts";
import { triggers } from "./triggers/index.ts";

const greeting = defineSource({
  kind: "greeting",
  title: "Greeting",
  summary: "Says one thing once.",
  example: "",
  config: object({ word: text({ description: "What to say." }) }, { description: "A greeting." }),
  async run({ config, emit, ready }) {
    ready();
    await emit([{ data: Buffer.from(JSON.stringify({ said: config.word })), upstreamId: "once" }]);
  },
});

test("a source and a trigger of one's own run beside those of tidemill", async () => {
  const heard = Promise.withResolvers<string>();
  const tell = defineTrigger({
    kind: "tell",
    title: "Tell",
    summary: "Calls a function.",
    example: "",
    config: object({ prefix: text({ description: "Put before." }) }, { description: "A function." }),
    async fire({ config, events }) {
      for (const event of events.values()) heard.resolve(`${config.prefix} ${Buffer.from(event.data).toString()}`);
      return { said: "told" };
    },
  });
  const own = {
    ...lists,
    sources: [...lists.sources, greeting as Source<never> as Source<unknown>],
    triggers: [...triggers, tell as Trigger<never, never> as Trigger<unknown, unknown>],
  };
  const file = `apiVersion: argoproj.io/v1alpha1
kind: EventSource
metadata: {name: mine}
spec: {greeting: {hello: {word: ahoy}}}
---
apiVersion: argoproj.io/v1alpha1
kind: Sensor
metadata: {name: listener}
spec:
  dependencies: [{name: hello, eventSourceName: mine, eventName: hello}]
  triggers: [{template: {name: tell, tell: {prefix: heard}}}]
`;
  const planned = planTexts([{ file: "mine.yaml", folder: ".", named: true, text: file }], own);
  expect(planned.findings).toEqual([]);
  await using runtime = await run({
    manifests: { ...planned, files: [] },
    dataDir: undefined,
    triggers: own.triggers,
  });
  expect(await heard.promise).toBe('heard {"said":"ahoy"}');
  const { receipt, settled } = await handIn(runtime, {
    namespace: "default",
    eventSource: "mine",
    event: "hello",
    data: Buffer.from("{}"),
    waitMs: 10_000,
    signal: AbortSignal.timeout(10_000),
  });
  expect([receipt.outcome, settled]).toEqual(["stored", "done"]);
  await expect(why(runtime, "nobody")).rejects.toMatchObject({ code: "EVENT_UNKNOWN" });
});
