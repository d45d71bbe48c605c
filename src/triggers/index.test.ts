import { expect, it } from "vitest";
import { parse } from "yaml";
import { triggers } from "./index.ts";

it("each type is there once", () => {
  expect(triggers.map(({ kind }) => kind)).toEqual([
    "http",
    "k8s",
    "argoWorkflow",
    "awsLambda",
    "log",
    "slack",
    "email",
    "sql",
    "sqs",
    "sns",
    "eventBridge",
    "event",
    "function",
  ]);
});

it.each(triggers.map((trigger) => [trigger.kind, trigger] as const))("the example of %s is valid", (kind, trigger) => {
  const manifest = parse(trigger.example) as { spec: { triggers: { template: Record<string, unknown> }[] } };
  const config = trigger.config.parse(manifest.spec.triggers[0]?.template[kind]);
  expect([...(trigger.lint?.(config) ?? [])]).toEqual([]);
});
