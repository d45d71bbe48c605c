import { tmpdir } from "node:os";
import { expect, test } from "vitest";
import { watchDiskSpace } from "./disk-space.ts";

test("a disk is looked at once a second, and at once when the clock was set back", async () => {
  let nowMs = 1_800_000_000_000;
  const clock = { nowMs: () => nowMs, sleep: () => Promise.resolve() };
  const space = watchDiskSpace({ folder: tmpdir(), minFreeBytes: 2 ** 60, clock });
  await space.look();
  expect(space.low()).toMatch(/MiB free/);
  nowMs += 500;
  expect(space.look()).toBeUndefined();
  nowMs -= 3_600_000;
  const looking = space.look();
  expect(looking).toBeInstanceOf(Promise);
  await looking;
});
