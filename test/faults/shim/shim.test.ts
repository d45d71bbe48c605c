import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import { randomOf } from "../../../src/load/random.ts";
import { type Aftermath, afterPowerCut, type Image, readImage, writeImage } from "./after-power-cut.ts";
import { type Shim, shimUnavailable, startShim } from "./shim.ts";
import type { Loss } from "./unsynced-file.ts";

const writer = fileURLToPath(new URL("./writer.ts", import.meta.url));
const unavailable = await shimUnavailable();

interface Written extends AsyncDisposable {
  readonly folder: string;
  /** Numbers that it called kept. */
  readonly kept: readonly number[];
  readonly shim: Shim;
  /** Takes the power away from what the process left; the folder holds what the disk holds. */
  cut(loss: Loss, seed: number): Promise<Aftermath>;
}

/** Runs the writer until it has called `count` numbers kept, and kills it. */
async function written(place: "file" | "database", how: "synced" | "unsynced", count: number): Promise<Written> {
  const root = await mkdtemp(join(tmpdir(), "tidemill-shim-"));
  const folder = join(root, "data");
  const journal = join(root, "journal");
  const shim = await startShim({ folder, control: join(root, "control"), journal });
  const before: Image = await readImage(folder);
  const child = spawn(process.execPath, ["--no-warnings", writer, folder, place, how], {
    env: { ...process.env, ...shim.env },
    stdio: ["ignore", "pipe", "inherit"],
  });
  let output = "";
  for await (const text of child.stdout) {
    output += String(text);
    if (output.split("\n").length > count) break;
  }
  const ended = once(child, "close");
  child.kill("SIGKILL");
  await ended;
  const lines = output.split("\n").slice(0, -1);
  return {
    folder,
    kept: lines.map(Number),
    shim,
    async cut(loss, seed) {
      const random = randomOf(seed, "cut");
      const aftermath = afterPowerCut(before, await readFile(journal), { loss, random });
      await writeImage(folder, aftermath.image);
      return aftermath;
    },
    async [Symbol.asyncDispose]() {
      shim[Symbol.dispose]();
      await rm(root, { recursive: true, force: true });
    },
  };
}

/** What the database holds, read by another process: a damaged one may take its reader along. */
async function foundInDatabase(folder: string): Promise<readonly number[] | "damaged"> {
  try {
    const { stdout } = await promisify(execFile)(process.execPath, [
      "--no-warnings",
      writer,
      folder,
      "database",
      "read",
    ]);
    return stdout.split("\n").slice(0, -1).map(Number);
  } catch {
    return "damaged";
  }
}

async function linesOf(folder: string): Promise<readonly number[]> {
  const text = await readFile(join(folder, "lines"), "utf8").catch(() => "");
  return text
    .split("\n")
    .filter((line) => /^\d+ x{1000}$/.test(line))
    .map((line) => Number.parseInt(line, 10));
}

describe.skipIf(unavailable !== undefined)("a disk whose power goes", () => {
  it("keeps every line that was synced, whatever becomes of the rest", async () => {
    await using run = await written("file", "synced", 50);
    for (const [seed, loss] of (["everything", "some", "some", "nothing"] as const).entries()) {
      await run.cut(loss, seed);
      expect(await linesOf(run.folder)).toEqual(expect.arrayContaining([...run.kept]));
    }
  });

  it("loses what was written and never synced: all of it, or parts of it", async () => {
    await using run = await written("file", "unsynced", 50);
    await run.cut("nothing", 1);
    expect(await linesOf(run.folder)).toEqual(expect.arrayContaining([...run.kept]));
    const some = await run.cut("some", 2);
    expect(some.unsynced).toBeGreaterThanOrEqual(50);
    await run.cut("everything", 3);
    expect(await linesOf(run.folder)).toEqual([]);
  });

  it("has in its journal what is on the disk, byte for byte", async () => {
    await using run = await written("database", "synced", 50);
    const real = await readImage(run.folder);
    const { image } = await run.cut("nothing", 1);
    const [data, replayed] = [real.get("data.mdb"), image.get("data.mdb")];
    if (data === undefined || replayed === undefined) throw new Error("no database");
    // a write that was under way at the kill may be on one side alone: pages of the transaction that nobody was told of
    const pages = Math.floor(Math.min(data.length, replayed.length) / 4_096);
    const different = Array.from({ length: pages }, (_, page) => page).filter(
      (page) => data.compare(replayed, page * 4_096, (page + 1) * 4_096, page * 4_096, (page + 1) * 4_096) !== 0,
    );
    expect(different.length).toBeLessThanOrEqual(2);
  });

  it("leaves an LMDB that syncs whole, with all that it called kept", async () => {
    await using run = await written("database", "synced", 60);
    for (let seed = 0; seed < 4; seed++) {
      await run.cut(seed === 0 ? "everything" : "some", seed);
      expect(await foundInDatabase(run.folder), `seed ${seed}`).toEqual(expect.arrayContaining([...run.kept]));
    }
  });

  it("shows that an LMDB that does not sync loses what it called kept", async () => {
    await using run = await written("database", "unsynced", 60);
    const verdicts: ("whole" | "lost")[] = [];
    for (let seed = 0; seed < 3; seed++) {
      await run.cut(seed === 0 ? "everything" : "some", seed);
      const found = await foundInDatabase(run.folder);
      const whole = found !== "damaged" && run.kept.every((n) => found.includes(n));
      verdicts.push(whole ? "whole" : "lost");
    }
    expect(verdicts).toEqual(["lost", "lost", "lost"]);
  });
});
