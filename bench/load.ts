import { Pool } from "undici";

/**
 * A load generator of its own process. `load PORT PATH CONNECTIONS COUNT [RATE]`: as fast as the connections go, or at
 * RATE per second (open loop: each latency counts from when the request was due). Prints one JSON line.
 */
const [port = "", path = "/", connections = "64", count = "10000", rate = "0"] = process.argv.slice(2);
const pool = new Pool(`http://127.0.0.1:${port}`, { connections: Number(connections), pipelining: 1 });
const filler = "x".repeat(900);
const latenciesMs: number[] = [];
let sent = 0;
let failed = 0;

async function one(dueMs: number): Promise<void> {
  const sentMs = performance.timeOrigin + dueMs;
  const body = JSON.stringify({ n: sent++, sentMs, kind: "order", amount: 42, filler });
  try {
    const answer = await pool.request({ method: "POST", path, body, headers: { "content-type": "application/json" } });
    await answer.body.dump();
    if (answer.statusCode >= 300) failed += 1;
  } catch {
    failed += 1;
  }
  latenciesMs.push(performance.now() - dueMs);
}

const total = Number(count);
const startedMs = performance.now();
if (Number(rate) > 0) {
  const pending = new Set<Promise<void>>();
  const everyMs = 1000 / Number(rate);
  for (let n = 0; n < total; ) {
    const nowMs = performance.now();
    while (n < total && startedMs + n * everyMs <= nowMs) {
      const request = one(startedMs + n * everyMs).finally(() => pending.delete(request));
      pending.add(request);
      n += 1;
    }
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  await Promise.all(pending);
} else {
  let left = total;
  const worker = async (): Promise<void> => {
    while (left > 0) {
      left -= 1;
      await one(performance.now());
    }
  };
  await Promise.all(Array.from({ length: Number(connections) }, worker));
}
const seconds = (performance.now() - startedMs) / 1000;
latenciesMs.sort((a, b) => a - b);
const at = (share: number): number =>
  Number((latenciesMs[Math.min(latenciesMs.length - 1, Math.floor(latenciesMs.length * share))] ?? 0).toFixed(3));
process.stdout.write(
  `${JSON.stringify({ count: total, failed, seconds: Number(seconds.toFixed(3)), perSecond: Math.round(total / seconds), p50Ms: at(0.5), p99Ms: at(0.99), maxMs: at(1) })}\n`,
);
await pool.close();
