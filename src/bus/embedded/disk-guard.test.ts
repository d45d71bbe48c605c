import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { damagedMemory, guardDisk } from "./disk-guard.ts";

test("nobody waits while the disk is sound", async () => {
  const folder = await mkdtemp(join(tmpdir(), "tidemill-guard-"));
  const guard = guardDisk(folder);
  expect(guard.ready()).toBeUndefined();
  expect(guard.ready()).toBeUndefined();
  await rm(folder, { recursive: true });
});

test("after a failure nothing is tried for a while, and then a write of its own before any commit", async () => {
  const parent = await mkdtemp(join(tmpdir(), "tidemill-guard-"));
  const folder = join(parent, "bus");
  await mkdir(folder);
  let nowMs = 1_000;
  const guard = guardDisk(folder, () => nowMs);
  guard.failed(new Error("Input/output error"));
  const refused = { code: "BUS_WRITE_FAILED", cause: new Error("Input/output error") };
  await expect(guard.ready()).rejects.toMatchObject(refused);
  nowMs += 200;
  await expect(guard.ready()).rejects.toMatchObject(refused);
  await rm(folder, { recursive: true });
  nowMs += 100;
  await expect(guard.ready()).rejects.toMatchObject({ code: "BUS_WRITE_FAILED", cause: { code: "ENOENT" } });
  await mkdir(folder);
  nowMs += 300;
  await expect(guard.ready()).resolves.toBeUndefined();
  expect(guard.ready()).toBeUndefined();
  await rm(parent, { recursive: true });
});

test("a folder that cannot be looked at is refused before the commit, and taken again when it can", async () => {
  const parent = await mkdtemp(join(tmpdir(), "tidemill-guard-"));
  const folder = join(parent, "bus");
  let nowMs = 1_000;
  const guard = guardDisk(folder, () => nowMs);
  await expect(guard.ready()).rejects.toMatchObject({ code: "BUS_WRITE_FAILED" });
  await mkdir(folder);
  nowMs += 300;
  await expect(guard.ready()).resolves.toBeUndefined();
  await rm(parent, { recursive: true });
});

test("LMDB's error of a page is known to have gone over its end by its length", () => {
  const text = (rest: string): Error =>
    new Error(`Read-only file system: Attempting to write page at position 16384, size 8192, blocks 1, ${rest}`);
  expect(damagedMemory(text("buffer sizes 8192 0 0"))).toBe(false);
  expect(damagedMemory(text("buffer sizes 8192 -1082140384 -1342172288"))).toBe(true);
  expect(damagedMemory(new Error("Input/output error"))).toBe(false);
});
