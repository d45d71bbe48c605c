import { once } from "node:events";
import { get, type IncomingMessage } from "node:http";
import { expect, it } from "vitest";
import { silentLog } from "../lib/log.ts";
import { VirtualClock } from "../lib/virtual-clock.ts";
import type { SourcePlan } from "../manifests/manifests.ts";
import type { StandardRun } from "../runtime/standard-run.ts";
import { Taps } from "../runtime/taps.ts";
import { createRedactor } from "../telemetry/redact.ts";
import { listen, makeApp } from "./listen.ts";
import { serveTap } from "./tap.ts";

const plan = { namespace: "default", eventSource: "web", event: "a" } as SourcePlan;

async function opened() {
  const redactor = createRedactor();
  const taps = new Taps(new VirtualClock());
  const app = makeApp({ log: silentLog, redactor });
  serveTap(app, () => ({ taps, sources: [], buses: [] }) as unknown as StandardRun, redactor);
  const server = await listen(app, { host: "127.0.0.1", port: 0 }, "--admin");
  const answer = await new Promise<IncomingMessage>((resolve, reject) =>
    get(`${server.url}/tap`, resolve).once("error", reject),
  );
  return { taps, redactor, answer, server };
}

it("leaves lines out for a reader that does not read, tells how many, and never waits", async () => {
  const { taps, answer, server } = await opened();
  await using _ = server;
  const reason = "x".repeat(2_000);
  const sent = 50_000;
  for (let n = 0; n < sent; n++) {
    taps.received(plan, [{ id: `e${n}`, outcome: "refused", reason }]);
    // the machine's own buffers fill up meanwhile
    if (n % 1_000 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  let text = "";
  answer.setEncoding("utf8").on("data", (chunk: string) => {
    text += chunk;
  });
  for (let n = sent; !text.includes(`"e${n}"`); await new Promise((resolve) => setImmediate(resolve)))
    taps.received(plan, [{ id: `e${n}`, outcome: "stored" }]);
  const lines = text
    .slice(0, text.lastIndexOf("\n"))
    .split("\n")
    .map((line) => JSON.parse(line));
  const missed = lines.filter(({ k }) => k === "missed").reduce((all, { lines: some }) => all + some, 0);
  expect(missed).toBeGreaterThan(0);
  const told = lines.filter(({ outcome }) => outcome === "refused").length;
  expect(told).toBeGreaterThan(1_000);
  expect(told + missed).toBeGreaterThanOrEqual(sent);
  answer.destroy();
});

it("shows no secrets, and ends with its reader", async () => {
  const { taps, redactor, answer, server } = await opened();
  await using _ = server;
  redactor.add("s3cret-value");
  taps.received(plan, [{ id: "e1", outcome: "refused", reason: "s3cret-value is wrong" }]);
  const [chunk] = await once(answer, "data");
  expect(String(chunk)).toContain(" is wrong");
  expect(String(chunk)).not.toContain("s3cret-value");
  answer.destroy();
});
