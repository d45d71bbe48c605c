import { expect, test } from "vitest";
import { startOtelReceiver } from "../../test/servers/otel-receiver.ts";
import { freePort } from "../../test/servers/server.ts";
import { until } from "../../test/until.ts";
import { sensor, webhooks } from "../../test/whole/shop.ts";
import { startTarget } from "../../test/whole/target.ts";
import { nowUs, systemClock } from "../lib/clock.ts";
import { placeOf } from "../lib/trace.ts";
import { planTexts } from "../manifests/plan.ts";
import { lists } from "../manifests/read.ts";
import { retryDeadLetters } from "./dead-letter-change.ts";
import { listDeadLetters } from "./dead-letters.ts";
import { spanGroup } from "./export-spans.ts";
import { type StandardRun, standardRun } from "./standard-run.ts";
import { type AnsweredSpan, trace } from "./trace-answer.ts";

/* The rounds of a dead letter that is tried again, by the whole runtime: as they are exported, and as `tidemill trace` has them. */

const dlq = (url: string) =>
  `retryStrategy: { steps: 2, duration: 1ms, factor: 1 }
atLeastOnce: true
dlqTrigger:
  atLeastOnce: true
  template: { name: park, http: { url: "${url}/park", method: PUT } }`;

async function startRun(port: number, url: string, env: NodeJS.ProcessEnv): Promise<StandardRun> {
  const texts = [webhooks(port, ["a"]), sensor({ name: "s", on: ["a"], url: `${url}/down`, trigger: dlq(url) })];
  const planned = planTexts(
    texts.map((text, at) => ({ file: `${at}.yaml`, folder: "/", named: true, text })),
    lists,
  );
  expect(planned.findings.filter(({ severity }) => severity === "error")).toEqual([]);
  const run = await standardRun({
    ...{ manifests: { ...planned, files: [] }, dataDir: undefined, env, drainTimeoutMs: 5_000 },
  });
  await run.settledStart;
  return run;
}

/** Names by their parents, in the order of their beginning; what hangs below no span of the list begins a line of its own. */
function tree(spans: readonly AnsweredSpan[], from?: string, depth = 0): readonly string[] {
  return spans
    .filter(({ parentId }) => parentId === from)
    .flatMap((span) => {
      const { "tidemill.round": round, "tidemill.attempt": n } = span.attributes;
      const of = [n === undefined ? [] : [`#${n}`], round === undefined ? [] : [`round ${round}`]].flat().join(" ");
      return [`${"  ".repeat(depth)}${span.name} ${of}`.trimEnd(), ...tree(spans, span.spanId, depth + 1)];
    });
}

function onceEach(spans: readonly { readonly spanId: string }[]): boolean {
  return new Set(spans.map(({ spanId }) => spanId)).size === spans.length;
}

test("a firing that dies and is tried again twice has the spans of three rounds, each once, in one tree", async () => {
  await using collector = await startOtelReceiver();
  await using target = await startTarget();
  target.answer(({ path }, response) => {
    response.statusCode = path === "/park" ? 204 : 503;
    response.end();
  });
  const port = await freePort();
  const run = await startRun(port, target.url, { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url });
  try {
    const response = await fetch(`http://127.0.0.1:${port}/a`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: '{"n":1}',
    });
    const event = response.headers.get("tidemill-event-id") ?? "";
    for (const round of [1, 2, 3]) {
      await until("it died, and was handed on", () => target.of("/park").length === round);
      const { items } = await listDeadLetters(run, {}, { limit: 9 });
      expect(items).toMatchObject([{ sensor: "s", trigger: "post" }]);
      const [id = ""] = items.map((letter) => letter.id);
      if (round < 3)
        expect(await retryDeadLetters(run, [id], { current: false, newKey: false })).toMatchObject([
          { outcome: "retried" },
        ]);
    }
    await until("all is exported and recorded", async () => {
      for (const { bus } of run.buses)
        for (const group of [spanGroup, "record"]) if ((await bus.facts(group).lag()).entries > 0) return false;
      return true;
    });
    const told = await until("the last firing is done", async () => {
      const answer = await trace(run, { id: event, limit: 100, nowUs: nowUs(systemClock) });
      const done = answer.spans.filter(({ attributes }) => attributes["tidemill.state"] === "done");
      return done.length === 3 ? answer : undefined;
    });
    const without = told.spans.filter(({ name }) => !name.startsWith("wait "));
    expect(tree(without)).toEqual([
      "receive a",
      "  send default",
      "    process s",
      ...["HTTP #1", "HTTP #2", "settle post"].map((line) => `      ${line}`),
      ...["dead letter park", "  HTTP #1", "  settle park"].map((line) => `      ${line}`),
      ...["HTTP #1 round 2", "HTTP #2 round 2", "settle post round 2"].map((line) => `      ${line}`),
      ...["dead letter park", "  HTTP #1", "  settle park"].map((line) => `      ${line}`),
      ...["HTTP #1 round 3", "HTTP #2 round 3", "settle post round 3"].map((line) => `      ${line}`),
      ...["dead letter park", "  HTTP #1", "  settle park"].map((line) => `      ${line}`),
    ]);
    expect(told.notes).toEqual([expect.stringContaining("it is in round 3")]);
    // what targets were told is each attempt's own span
    const attempts = without.filter(({ kind }) => kind === "client").map(({ spanId }) => spanId);
    const seen = target.hits.map(({ headers }) => placeOf(String(headers.traceparent))?.spanId);
    expect(seen).toEqual(attempts);
    // exported is the same, each span once
    await until("the exporter has caught up", () => collector.spans.length >= told.spans.length);
    expect(onceEach(collector.spans)).toBe(true);
    expect(onceEach(told.spans)).toBe(true);
    const exported = collector.spans.filter(({ name }) => !name.startsWith("wait "));
    expect(new Set(exported.map(({ spanId, parentSpanId }) => `${spanId} below ${parentSpanId}`))).toEqual(
      new Set(without.map(({ spanId, parentId = "" }) => `${spanId} below ${parentId}`)),
    );
  } finally {
    await run.stop();
  }
});
