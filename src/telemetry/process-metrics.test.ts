import { setTimeout as pause } from "node:timers/promises";
import { expect, test } from "vitest";
import { createMetrics } from "./metrics.ts";

test("the lag of the event loop is how late it was since the last scrape, without the time between two looks", async () => {
  const metrics = createMetrics({ version: "1", commit: "" });
  const lag = async (what: string): Promise<number> => {
    const line = (await metrics.text())
      .split("\n")
      .find((one) => one.startsWith(`nodejs_eventloop_lag_${what}_seconds `));
    return Number(line?.split(" ")[1]);
  };
  // the monitor begins to count at its second look
  await pause(120);
  const blockedUntilMs = performance.now() + 400;
  while (performance.now() < blockedUntilMs);
  await pause(70);
  expect(await lag("max")).toBeGreaterThan(0.3);
  await pause(210);
  expect(await lag("p50")).toBeLessThan(0.045);
  expect(await lag("min")).toBeNaN();
});
