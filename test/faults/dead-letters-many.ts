import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import type { OperationAnswer } from "../../src/console/operations.ts";
import type { DeadLetterAnswer, DeadLetterGroups } from "../../src/runtime/dead-letters.ts";
import type { Product } from "../product.ts";
import { freePort } from "../servers/server.ts";
import { until } from "../until.ts";
import { drained } from "../whole/drained.ts";
import { makePlace, sensor, webhooks } from "../whole/shop.ts";
import { type CountingTarget, startCountingTarget } from "./counting-target.ts";
import { endOf } from "./dead-letters-bulk.ts";
import { scaled, startTidemill } from "./harness.ts";
import { sayMb, shippedArgs, watchMemory } from "./measures.ts";
import { judge } from "./model.ts";
import type { FaultContext, Scenario, Sums } from "./scenario.ts";
import { startSenders } from "./senders.ts";

const triggers = 10;
const wholeCount = 100_000;

export const manyDeadLetters: Scenario = {
  name: "dead-letters",
  title: "100,000 dead letters",
  promise:
    "A target that is broken for 10,000 events of 10 triggers makes 100,000 dead letters: they are listed, grouped and exported with bounded memory while events come in, and a retry of all that is killed half-way brings each of them home, under its first key.",
  run: pileUp,
};

interface Figures {
  readonly figures: (readonly [string, string])[];
}

async function pileUp(cx: FaultContext): Promise<Sums> {
  await using place = await makePlace(cx.folder);
  await using target = await startCountingTarget();
  const names = Array.from({ length: triggers }, (_, index) => `s${index}`);
  const port = await freePort();
  await place.write("web.yaml", webhooks(port, ["a", "b"]));
  const sensors = names.map((name) => sensor({ name, on: ["a"], url: `${target.url}/${name}` }));
  await place.write("sensors.yaml", sensors.join("---\n"));
  await place.write("well.yaml", sensor({ name: "well", on: ["b"], url: `${target.url}/well` }));
  const start = (): Promise<Product> =>
    startTidemill(cx, {
      ...{ dataDir: place.dataDir, paths: [place.manifests], nodeArgs: shippedArgs },
      readyTimeoutMs: 60_000,
    });
  const first = await start();
  await using _ = first;
  using memory = watchMemory(first.pid);
  const before = memory.nowMb();
  target.answer(({ path }, response) => {
    response.statusCode = path === "/well" ? 200 : 500;
    response.end("the database is away");
  });
  const count = scaled(cx, wholeCount / triggers, 50);
  const total = count * triggers;
  const filler = "x".repeat(900);
  const bodyOf = (n: number): string => JSON.stringify({ n, filler });
  const startedMs = performance.now();
  await using sent = startSenders({ port, path: "/a", senders: 32, end: count, bodyOf });
  await until("all are dead", async () => (await deadOf(first)) === total, { timeoutMs: 600_000, everyMs: 200 });
  const made = `${saySeconds(startedMs)}, RssAnon ${sayMb(before)} before, at most ${sayMb(memory.mostMb())}`;
  await using well = startSenders({ port, path: "/b", senders: 2, pauseMs: 20 });
  const { figures } = await askAll({ cx, product: first, total, dataDir: place.dataDir, mostMb: memory.mostMb });
  cx.progress("retrying all, and killing it half-way");
  target.answer((_, response) => void response.end("ok"));
  const retryMs = performance.now();
  const id = await retryAThird(first, total);
  const retryMb = memory.mostMb();
  await first.kill();
  await using second = await start();
  using secondMemory = watchMemory(second.pid);
  const ended = await endOf(second, { id, signal: cx.signal });
  if (ended.state !== "done" || ended.failed > 0) throw new Error(`the retry ended as ${JSON.stringify(ended)}`);
  await well.stop();
  const audit = await drained(second, { timeoutMs: 300_000 });
  const [retried, againMb] = [saySeconds(retryMs), secondMemory.mostMb()];
  checkHome({ target, names, count, dead: audit.firings.dead });
  if ((await second.stop()) !== 0) throw new Error("it did not end well");
  const sums = judge({
    claims: [{ path: "/well", sent: well }, ...names.map((name) => ({ path: `/${name}`, sent }))],
    target,
    audit,
    recordFile: join(place.dataDir, "record.sqlite"),
    figures: [
      ["made", made],
      ...figures,
      ["retry of all, killed at a third", `${retried}, RssAnon at most ${sayMb(retryMb)}, then ${sayMb(againMb)}`],
    ],
  });
  return { ...sums, dead: total };
}

/** Begins a retry of all and answers its id once a third of them is put back. */
async function retryAThird(product: Product, total: number): Promise<string> {
  const { operation } = await product.post<{ readonly operation: OperationAnswer }>("/deadletters/retry", {
    filter: {},
    // a small pile would be gone before it can be killed
    ...(total < 10_000 ? { perSecond: total } : {}),
  });
  const isThird = async (): Promise<boolean> =>
    (await product.get<OperationAnswer>(`/operations/${operation.id}`)).done > total / 3;
  await until("a third of them is put back", isThird, { timeoutMs: 120_000, everyMs: 20 });
  return operation.id;
}

function saySeconds(sinceMs: number): string {
  return `${((performance.now() - sinceMs) / 1_000).toFixed(1)} s`;
}

interface Sensors {
  readonly sensors: readonly { readonly triggers: readonly { readonly dead: number }[] }[];
}

async function deadOf(product: Product): Promise<number> {
  const { sensors } = await product.get<Sensors>("/status");
  return sensors.reduce((sum, { triggers }) => sum + triggers.reduce((some, { dead }) => some + dead, 0), 0);
}

/** Every question, with how long it took and the most memory meanwhile. */
async function askAll(of: {
  readonly cx: FaultContext;
  readonly product: Product;
  readonly total: number;
  readonly dataDir: string;
  readonly mostMb: () => number;
}): Promise<Figures> {
  const { cx, product, total, dataDir, mostMb } = of;
  const figures: (readonly [string, string])[] = [];
  const asked = async (what: string, ask: () => Promise<string>): Promise<void> => {
    cx.progress(what);
    mostMb();
    const startedMs = performance.now();
    const said = await ask();
    figures.push([what, `${saySeconds(startedMs)}, RssAnon at most ${sayMb(mostMb())}${said}`]);
  };
  const same = (what: string, found: number): void => {
    if (found !== total) throw new Error(`${what}: ${found} dead letters, not ${total}`);
  };
  await asked("a page of 100", async () => {
    const { items } = await product.get<{ readonly items: readonly DeadLetterAnswer[] }>("/deadletters?limit=100");
    if (items.length !== Math.min(100, total)) throw new Error(`a page of ${items.length}`);
    return "";
  });
  await asked("groups", async () => {
    const { items } = await product.get<DeadLetterGroups>("/deadletters/groups");
    same(
      "groups",
      items.reduce((sum, { count }) => sum + count, 0),
    );
    return `, ${items.length} groups`;
  });
  await asked("export", async () => {
    const { lines, bytes } = await exported(dataDir);
    same("export", lines);
    return `, ${Math.round(bytes / 1e6)} MB`;
  });
  await asked("plan of a retry", async () => {
    const plan = await product.post<{ readonly count: number }>("/deadletters/retry?plan=true", { filter: {} });
    same("plan", plan.count);
    return "";
  });
  return { figures };
}

/** Reads the export to its end, as the verb does; throws where it is cut off. */
async function exported(dataDir: string): Promise<{ readonly lines: number; readonly bytes: number }> {
  const { url } = JSON.parse(await readFile(join(dataDir, "admin.json"), "utf8")) as { readonly url: string };
  const { body } = await fetch(`${url}/api/v1/deadletters/export`);
  if (body === null) throw new Error("the export has no body");
  let [lines, bytes, last] = [0, 0, ""];
  const decoder = new TextDecoder();
  for await (const chunk of body) {
    const part = chunk as Uint8Array;
    bytes += part.byteLength;
    for (const byte of part) if (byte === 0x0a) lines += 1;
    last = (last + decoder.decode(part, { stream: true })).slice(-200);
    // whoever is slow is waited for
    if (lines % 5_000 === 0) await pause(0);
  }
  const end = JSON.parse(last.trimEnd().split("\n").at(-1) ?? "") as {
    readonly end?: boolean;
    readonly count?: number;
  };
  if (end.end !== true || end.count !== lines - 1) throw new Error(`the export was cut off: ${last}`);
  return { lines: lines - 1, bytes };
}

/** Each was refused once and taken once: the first call alone would look like a delivery. */
function checkHome(of: {
  readonly target: CountingTarget;
  readonly names: readonly string[];
  readonly count: number;
  readonly dead: number;
}): void {
  if (of.dead > 0) throw new Error(`${of.dead} are still dead letters`);
  for (const name of of.names) {
    const { byNumber } = of.target.at(`/${name}`);
    const missing = [...byNumber].filter(([, keys]) => [...keys.values()].some((calls) => calls < 2));
    if (byNumber.size === of.count && missing.length === 0) continue;
    throw new Error(`${name}: ${missing.length} of ${byNumber.size} never came again, of ${of.count}`);
  }
}
