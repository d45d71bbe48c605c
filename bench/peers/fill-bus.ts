import { openBusFolder } from "../../src/bus/embedded/open.ts";

/**
 * Puts COUNT events of 1 KB into the bus of a data folder that no tidemill has open, as its webhook source would: a backlog that
 * would take many minutes by HTTP. Prints `{seconds}`. `fill-bus DATA_DIR COUNT MAX_BYTES`
 */
const [dataDir = "", total = "0", maxBytes = "0"] = process.argv.slice(2);
/** About what one commit takes under load. */
const atOnce = 100;
const filler = "x".repeat(900);
const startedMs = performance.now();
const text = new TextEncoder();

await using folder = await openBusFolder({ dataDir, facts: true, maxBytes: Number(maxBytes) });
const bus = folder.bus("default", "default");
for (let from = 0; from < Number(total); from += atOnce) {
  const nowMs = Date.now();
  const events = Array.from({ length: Math.min(atOnce, Number(total) - from) }, (_, at) => ({
    event: {
      // spread as hashes are
      id: (from + at).toString(16).padStart(8, "0").split("").reverse().join("").repeat(4),
      source: "web",
      type: "webhook",
      subject: "orders",
      time: new Date(nowMs).toISOString(),
      datacontenttype: "application/json",
      data: text.encode(
        `{"header":{"Content-Type":["application/json"]},"body":{"n":${from + at},"kind":"order","filler":"${filler}"}}`,
      ),
      extensions: {},
    },
    receivedUs: nowMs * 1000,
    dedup: false,
  }));
  await bus.publish({ events }, AbortSignal.timeout(60_000));
}
process.stdout.write(`${JSON.stringify({ seconds: (performance.now() - startedMs) / 1000 })}\n`);
