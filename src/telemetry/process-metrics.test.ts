import { setTimeout as pause } from "node:timers/promises";
import { expect, test } from "vitest";
import { createMetrics } from "./metrics.ts";
import { lagLookMs } from "./process-metrics.ts";

test("the lag of the event loop is how late it was since the last scrape, without the time between two looks", async () => {
  const metrics = createMetrics({ version: "1", commit: "" });
  const lag = async (what: string): Promise<number> => {
    const line = (await metrics.text())
      .split("\n")
      .find((one) => one.startsWith(`nodejs_eventloop_lag_${what}_seconds `));
    return Number(line?.split(" ")[1]);
  };
  // the monitor begins to count at its second look
  await pause(2.4 * lagLookMs);
  const blockedUntilMs = performance.now() + 3 * lagLookMs;
  while (performance.now() < blockedUntilMs);
  await pause(1.4 * lagLookMs);
  expect(await lag("max")).toBeGreaterThan((1.5 * lagLookMs) / 1000);
  await pause(4.2 * lagLookMs);
  expect(await lag("p50")).toBeLessThan(0.045);
  expect(await lag("min")).toBeNaN();
});
