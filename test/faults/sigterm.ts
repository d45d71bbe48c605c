import { join } from "node:path";
import { freePort } from "../servers/server.ts";
import { until } from "../until.ts";
import { drained } from "../whole/drained.ts";
import { makePlace, sensor, webhooks } from "../whole/shop.ts";
import { type CountingTarget, startCountingTarget } from "./counting-target.ts";
import { scaled, startTidemill } from "./harness.ts";
import { judge } from "./model.ts";
import type { FaultContext, Scenario, Sums } from "./scenario.ts";
import { startSenders } from "./senders.ts";

export const sigterm: Scenario = {
  name: "sigterm",
  title: "SIGTERM under load",
  promise:
    "Ended 30 times under load, with targets that answer, with one that hangs, and by a second signal: it exits with 0 within its drain time (at once at the second), loses nothing, and calls again only what was cut off.",
  run: ended,
};

const drainMs = 3_000;
/** For what comes behind the drain: closing the bus and the record, and the end of the process on a busy machine. */
const afterwardsMs = 3_000;

/** What the slow target does in a round, and how many signals there are. */
const rounds = ["answers", "hangs", "hangs, second signal"] as const;

async function ended(cx: FaultContext): Promise<Sums> {
  await using place = await makePlace(cx.folder);
  await using target = await startCountingTarget();
  const port = await freePort();
  const slow = slowPath(target);
  await place.write("web.yaml", webhooks(port, ["a"]));
  await place.write(
    "sensors.yaml",
    [
      sensor({ name: "fast", on: ["a"], url: `${target.url}/fast` }),
      sensor({ name: "slow", on: ["a"], url: `${target.url}/slow`, trigger: "concurrency: 200" }),
    ].join("---\n"),
  );
  const start = () =>
    startTidemill(cx, {
      dataDir: place.dataDir,
      paths: [place.manifests],
      args: ["--drain-timeout", `${drainMs}ms`],
    });
  await using a = startSenders({ port, path: "/a", senders: 8 });
  const tookMs = new Map<string, number>();
  let cutOff = 0;
  const times = scaled(cx, 30, rounds.length);
  for (let n = 0; n < times; n++) {
    cx.signal.throwIfAborted();
    const round = rounds[n % rounds.length] ?? "answers";
    slow.hang = round !== "answers";
    await using product = await start();
    const goal = a.acknowledged.size + 100 + Math.floor(cx.random() * 200);
    await until(`run ${n} makes progress`, () => a.acknowledged.size >= goal && slow.waiting() > 0, {
      timeoutMs: 30_000,
    });
    const before = a.unanswered();
    const beganMs = performance.now();
    product.signal("SIGTERM");
    if (round === "hangs, second signal") {
      await until("the first signal was heard", () => product.output().includes("SIGTERM"), { everyMs: 2 });
      product.signal("SIGTERM");
    }
    const code = await product.ended;
    const took = performance.now() - beganMs;
    if (code !== 0) throw new Error(`the target ${round}: it ended with ${code}`);
    const mostMs = (round === "hangs, second signal" ? 0 : drainMs) + afterwardsMs;
    if (took > mostMs) throw new Error(`the target ${round}: it ended after ${Math.round(took)} ms, not ${mostMs}`);
    if (round !== "hangs, second signal") cutOff += a.unanswered() - before;
    tookMs.set(round, Math.max(tookMs.get(round) ?? 0, took));
    slow.release();
    if ((n + 1) % 5 === 0) cx.progress(`ended ${n + 1} times, ${a.acknowledged.size} events in`);
  }
  slow.hang = false;
  await using last = await start();
  await a.stop();
  const audit = await drained(last, { timeoutMs: 60_000 });
  const code = await last.stop();
  if (code !== 0) throw new Error(`without load it ended with ${code}`);
  return judge({
    claims: [
      { path: "/fast", sent: a },
      { path: "/slow", sent: a },
    ],
    target,
    audit,
    recordFile: join(place.dataDir, "record.sqlite"),
    figures: [
      ["ends", `${times}, drain time ${drainMs / 1000} s`],
      ...[...tookMs].map(
        ([round, ms]) => [`longest where the target ${round}`, `${(ms / 1000).toFixed(2)} s`] as const,
      ),
      ["requests without an answer", `${cutOff} after one signal, ${a.unanswered() - cutOff} after two`],
    ],
  });
}

interface SlowPath {
  hang: boolean;
  /** Calls that are not answered yet. */
  waiting(): number;
  /** Forgets those whose caller is gone. */
  release(): void;
}

/** `/slow` answers after 200 ms, or never. */
function slowPath(target: CountingTarget): SlowPath {
  let waiting = 0;
  const slow: SlowPath = {
    hang: false,
    waiting: () => waiting,
    release() {
      waiting = 0;
    },
  };
  target.answer(({ path }, response) => {
    if (path !== "/slow") return void response.end();
    waiting++;
    if (slow.hang) return;
    setTimeout(() => {
      waiting--;
      response.end();
    }, 200);
  });
  return slow;
}
