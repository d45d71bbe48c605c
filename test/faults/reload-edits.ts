import { rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { between } from "../../src/load/random.ts";
import type { Audit } from "../../src/record/record.ts";
import type { Status } from "../../src/runtime/status.ts";
import type { Product } from "../product.ts";

import { freePort } from "../servers/server.ts";
import { until } from "../until.ts";
import { drained } from "../whole/drained.ts";
import { makePlace, type Place, sensor, webhooks } from "../whole/shop.ts";
import { startCountingTarget } from "./counting-target.ts";
import { scaled, startTidemill } from "./harness.ts";
import { rssAnonMb } from "./measures.ts";
import { judge } from "./model.ts";
import type { FaultContext, Scenario, Sums } from "./scenario.ts";
import { startSenders } from "./senders.ts";

export const reloadEdits: Scenario = {
  name: "reload-edits",
  title: "manifests edited under load",
  promise:
    "1,000 edits with `--watch`: sensors and sources come, change and go, files are written by halves and wrongly; sensors that stay miss nothing and fire once, and the last edit is what runs.",
  run: edited,
};

/** What one edit does to the files. `n` is its number. */
type Edit = (files: Files, n: number) => Promise<void>;

interface Files {
  readonly place: Place;
  readonly port: number;
  readonly url: string;
}

const edits: readonly (readonly [name: string, edit: Edit])[] = [
  ["a sensor changed", ({ place, url }, n) => place.write("changing.yaml", changing(url, n))],
  ["a sensor replaced as editors do", replaced],
  ["a sensor came or went", comeOrGo],
  ["a source came or went", ({ place, port }, n) => place.write("web.yaml", sources(port, n))],
  ["a file was cut in the middle", ({ place, url }, n) => place.write("broken.yaml", cut(url, n))],
  ["a file was no YAML", ({ place }) => place.write("broken.yaml", "kind: [Sensor\n\t{")],
];

/** Always on `/a` and always the same firing for an event, whichever revision made it. */
function changing(url: string, n: number): string {
  const trigger = `retryStrategy: { steps: ${20 + (n % 5)}, duration: 20ms, factor: 1.2, jitter: 0.5 }`;
  return sensor({ name: "changing", on: ["a"], url: `${url}/changing`, trigger });
}

function cut(url: string, n: number): string {
  return sensor({ name: "broken", on: ["a"], url: `${url}/broken` }).slice(0, 60 + (n % 200));
}

async function replaced({ place, url }: Files, n: number): Promise<void> {
  const file = join(place.manifests, "changing.yaml");
  await writeFile(`${file}~`, changing(url, n));
  await rename(`${file}~`, file);
}

async function comeOrGo({ place, url }: Files, n: number): Promise<void> {
  const file = `guest-${n % 3}.yaml`;
  if (n % 2 === 0) return rm(join(place.manifests, file), { force: true });
  await place.write(file, sensor({ name: `guest-${n % 3}`, on: ["a"], url: `${url}/guest` }));
}

function sources(port: number, n: number): string {
  return webhooks(port, ["a", "b", ...(n % 2 === 0 ? ["guest"] : [])]);
}

async function edited(cx: FaultContext): Promise<Sums> {
  await using place = await makePlace(cx.folder);
  await using target = await startCountingTarget();
  const port = await freePort();
  const { url } = target;
  let flaky = 0;
  target.answer(({ path }, response) => {
    if (path === "/changing" && ++flaky % 7 === 0) response.statusCode = 503;
    response.end();
  });
  await place.write("web.yaml", sources(port, 0));
  await place.write("changing.yaml", changing(url, 0));
  await place.write("kept.yaml", sensor({ name: "kept", on: ["b"], url: `${url}/kept` }));
  await using product = await startTidemill(cx, {
    dataDir: place.dataDir,
    paths: [place.manifests],
    args: ["--watch"],
  });
  await using a = startSenders({ port, path: "/a", senders: 4, pauseMs: 2 });
  await using b = startSenders({ port, path: "/b", senders: 2, pauseMs: 2 });
  const times = scaled(cx, 1_000, 40);
  const reloads = await editAll({ cx, product, times, files: { place, port, url } });
  // the last edit wins, and what was broken is mended
  await rm(join(place.manifests, "broken.yaml"), { force: true });
  await place.write("changing.yaml", changing(url, times));
  await place.write("last.yaml", sensor({ name: "last", on: ["a"], url: `${url}/last` }));
  await until("the last edit runs", () => target.at("/last").byNumber.size > 0, { timeoutMs: 30_000 });
  const status = await product.get<Status>("/status");
  if (!status.ready) throw new Error(`it is not ready at the end: ${status.faults.join("; ")}`);
  const memoryMb = rssAnonMb(product.pid);
  await Promise.all([a.stop(), b.stop()]);
  await drained(product, { timeoutMs: 60_000 });
  // sensors that are gone are not in the status: what is left in their queues still runs
  const audit = await until(
    "all firings are settled, also those of sensors that are gone",
    async () => {
      const now = await product.get<Audit>("/audit");
      if (now.firings.pending + now.firings.running === 0) return now;
      throw new Error(JSON.stringify(now.firings));
    },
    { timeoutMs: 30_000, everyMs: 100 },
  );
  const code = await product.stop();
  if (code !== 0) throw new Error(`it ended with ${code}`);
  return judge({
    claims: [
      { path: "/changing", sent: a },
      { path: "/kept", sent: b },
    ],
    target,
    audit,
    recordFile: join(place.dataDir, "record.sqlite"),
    figures: [
      ["edits", `${times}, of ${edits.length} kinds`],
      ["reloads", String(reloads)],
      ["memory at the end", `${Math.round(memoryMb)} MB`],
    ],
  });
}

/** Most edits come one upon the other; now and then all of it may settle. Answers how many reloads there were, at least. */
async function editAll(parts: {
  readonly cx: FaultContext;
  readonly product: Product;
  readonly times: number;
  readonly files: Files;
}): Promise<number> {
  const { cx, product, times, files } = parts;
  const seen = new Set<string>();
  const look = async (): Promise<void> => {
    const { reload } = await product.get<Status>("/status");
    if (reload !== undefined) seen.add(reload.at);
  };
  for (let n = 1; n <= times; n++) {
    cx.signal.throwIfAborted();
    const [, edit] = edits[between(0, edits.length - 1, cx.random)] ?? [];
    await edit?.(files, n);
    await pause(cx.random() < 0.1 ? 300 : between(1, 60, cx.random));
    if (n % 5 === 0) await look();
    if (n % 100 === 0) cx.progress(`${n} edits, ${seen.size} reloads`);
  }
  return seen.size;
}
