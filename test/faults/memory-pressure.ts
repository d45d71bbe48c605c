import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { freePort } from "../servers/server.ts";
import { drained } from "../whole/drained.ts";
import { makePlace, sensor, webhooks } from "../whole/shop.ts";
import { startCountingTarget } from "./counting-target.ts";
import { scaled, startTidemill } from "./harness.ts";
import { sayMb, watchMemory } from "./measures.ts";
import { judge } from "./model.ts";
import type { FaultContext, Scenario, Sums } from "./scenario.ts";
import { startSenders } from "./senders.ts";

export const memoryPressure: Scenario = {
  name: "memory-pressure",
  title: "out of memory",
  promise:
    "A heap of 128 MB under 200 connections with bodies of 900 KB, and under 200 that hold such bodies back half sent: senders are told to come again (503), its memory stays bounded, and what it took reaches a slow target.",
  run,
};

/** Old space of its heap; bodies are outside of it, so what they may take is measured. */
const heapMb = 128;
/** Without a limit 200 such senders took it to 1,705 MB, and each one more added to it. */
const mostMb = 1_000;
const filler = "x".repeat(900_000);

async function run(cx: FaultContext): Promise<Sums> {
  await using place = await makePlace(cx.folder);
  await using target = await startCountingTarget();
  target.answer((_, response) => void setTimeout(() => response.end(), 20));
  const port = await freePort();
  await place.write("web.yaml", webhooks(port, ["fast", "slow"]));
  await place.write(
    "sensors.yaml",
    ["fast", "slow"].map((name) => sensor({ name, on: [name], url: `${target.url}/${name}` })).join("---\n"),
  );
  await using product = await startTidemill(cx, {
    dataDir: place.dataDir,
    paths: [place.manifests],
    args: ["--bus-max-bytes", "256Mi"],
    nodeArgs: [`--max-old-space-size=${heapMb}`],
  });
  using memory = watchMemory(product.pid);
  const idleMb = memory.mostMb();
  const phases: (readonly [string, string])[] = [["RssAnon when ready", sayMb(idleMb)]];
  const told = (phase: string): void => {
    const most = memory.mostMb();
    phases.push([`RssAnon at most, ${phase}`, sayMb(most)]);
    cx.progress(`${phase}: at most ${sayMb(most)}`);
    if (most > mostMb) throw new Error(`${phase}: it took ${sayMb(most)}, more than ${mostMb} MB`);
  };
  const fast = { port, path: "/fast", bodyOf: (n: number) => JSON.stringify({ n, filler }) };
  await using many = startSenders({ ...fast, senders: scaled(cx, 200, 40), end: scaled(cx, 400, 60) });
  await many.done;
  told("many large bodies at once");
  const slow = { port, path: "/slow", bodyOf: (n: number) => heldBack(n, cx.signal) };
  await using held = startSenders({ ...slow, senders: scaled(cx, 200, 60), end: scaled(cx, 300, 60) });
  await held.done;
  told("large bodies held back");
  const audit = await drained(product, { timeoutMs: 120_000 });
  told("acting");
  const code = await product.stop();
  if (code !== 0) throw new Error(`it ended with ${code}`);
  return judge({
    claims: [
      { path: "/fast", sent: many },
      { path: "/slow", sent: held },
    ],
    target,
    audit,
    recordFile: join(place.dataDir, "record.sqlite"),
    figures: [["heap", `${heapMb} MB`], ...phases],
  });
}

/** Most of a body, and after a while the rest. */
async function* heldBack(n: number, signal: AbortSignal): AsyncIterable<string> {
  const text = JSON.stringify({ n, filler });
  yield text.slice(0, -1);
  await pause(1_500, undefined, { signal });
  yield text.slice(-1);
}
