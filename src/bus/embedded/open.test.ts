import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { copyFile, mkdir, mkdtemp, readFile, rm, stat, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { describeWithSmallDisk, mountSmallDisk } from "../../../test/small-disk.ts";
import { until } from "../../../test/until.ts";
import { TideError } from "../../lib/errors.ts";
import { sibling } from "../../lib/sibling.ts";
import type { Bus } from "../bus.ts";
import { numberedEvent, numberedId } from "../event-testing.ts";
import { readMetaPages } from "./meta-pages.ts";
import { type BusFolder, openBusFolder } from "./open.ts";
import { salvageBus } from "./salvage.ts";

const never = new AbortController().signal;
let root: string;

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "tidemill-open-"));
});

afterAll(() => rm(root, { recursive: true, force: true }));

function folder(name: string): string {
  return join(root, name);
}

async function publish(bus: Bus, from: number, to: number, bytes = 600): Promise<void> {
  const data = Buffer.alloc(bytes, 65);
  const one = (n: number) => bus.publish({ events: [numberedEvent(n, { data })] }, never);
  await Promise.all(Array.from({ length: to - from }, (_, at) => one(from + at)));
}

/** How many events a reader finds, from the oldest. */
async function readable(opened: BusFolder): Promise<number> {
  const log = opened.bus("default", "default").events(`count-${Math.random()}`);
  await log.begin("oldest");
  let count = 0;
  for (;;) {
    if ((await log.lag()).entries === 0) return count;
    for await (const batch of log.batches({ max: 1000, signal: never })) {
      count += batch.entries.length;
      await batch.commit({});
      break;
    }
  }
}

async function written(name: string, events: number): Promise<string> {
  const dataDir = folder(name);
  await using opened = await openBusFolder({ dataDir, facts: true });
  // several commits, so that the file has free pages and rewritten ones, as one in use has
  for (let n = 0; n < events; n += 100) await publish(opened.bus("default", "default"), n, Math.min(n + 100, events));
  return dataDir;
}

async function refusal(dataDir: string): Promise<TideError> {
  try {
    await (await openBusFolder({ dataDir, facts: true }))[Symbol.asyncDispose]();
  } catch (error) {
    if (error instanceof TideError) return error;
    throw error;
  }
  throw new Error(`${dataDir} was opened`);
}

async function holder(dataDir: string): Promise<ChildProcess> {
  const code = `
    const { openBusFolder } = await import(${JSON.stringify(`file://${sibling(import.meta.url, "./open")}`)});
    await openBusFolder({ dataDir: ${JSON.stringify(dataDir)}, facts: true });
    process.stdout.write("open");
    setInterval(() => undefined, 1000);`;
  const child = spawn(process.execPath, ["--no-warnings", "--input-type=module", "-e", code], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  await once(child.stdout ?? child, "data");
  return child;
}

describe("a data folder", () => {
  it("is refused while another process owns it, and free once that was killed", async () => {
    const dataDir = folder("locked");
    const child = await holder(dataDir);
    const refused = await refusal(dataDir);
    expect(refused.code).toBe("BUS_LOCKED");
    expect(refused.message).toContain(dataDir);
    child.kill("SIGKILL");
    await once(child, "close");
    await using opened = await openBusFolder({ dataDir, facts: true });
    expect(opened.durable).toBe(true);
  });

  it("of a newer format is refused, and left as it is", async () => {
    const dataDir = await written("newer", 10);
    await writeFile(join(dataDir, "format.json"), '{"format":2}\n');
    const refused = await refusal(dataDir);
    expect(refused.code).toBe("BUS_FORMAT_NEWER");
    expect(refused.message).toContain("format 2");
    expect(await readFile(join(dataDir, "format.json"), "utf8")).toBe('{"format":2}\n');
  });

  it.each([
    "",
    "{",
    "null",
    "7",
    "[]",
    '{"format":"1"}',
    '{"format":null}',
    '{"format":-1}',
    '{"format":1.5}',
    "\u0000\u0001",
  ])("whose format.json is %j is refused as damaged", async (text) => {
    const dataDir = folder("garbled");
    await mkdir(dataDir, { recursive: true });
    await writeFile(join(dataDir, "format.json"), text);
    expect((await refusal(dataDir)).code).toBe("BUS_DAMAGED");
  });

  it("that cannot be made or written is refused with its name", async () => {
    const file = folder("a-file");
    await writeFile(file, "");
    const under = await refusal(join(file, "data"));
    expect(under.code).toBe("BUS_UNWRITABLE");
    expect(under.message).toContain(file);
    expect((await refusal("/dev/null/data")).code).toBe("BUS_UNWRITABLE");
    // the lock is a folder, the format file is one: neither is a crash
    await mkdir(join(folder("odd"), "lock.sqlite"), { recursive: true });
    expect((await refusal(folder("odd"))).code).toBe("BUS_UNWRITABLE");
    await mkdir(join(folder("odder"), "format.json"), { recursive: true });
    expect((await refusal(folder("odder"))).code).toBe("BUS_UNWRITABLE");
  });

  it("whose making was cut short is made again", async () => {
    const dataDir = folder("half-made");
    await mkdir(join(dataDir, "bus"), { recursive: true });
    await writeFile(join(dataDir, "bus", "data.mdb"), "");
    await using opened = await openBusFolder({ dataDir, facts: true });
    await publish(opened.bus("default", "default"), 0, 1);
    expect(await readable(opened)).toBe(1);
  });
});

/** The damage of one run: its seed is in the test's name, so that a failure can be had again. */
const seed = Number(process.env.TIDEMILL_SEED ?? Math.floor(Math.random() * 2 ** 31));

function* randoms(from: number): Generator<number, never> {
  let state = from | 1;
  for (;;) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    yield (state >>> 0) / 2 ** 32;
  }
}

describe(`a damaged database (TIDEMILL_SEED=${seed})`, () => {
  let whole: string;
  const events = 3000;

  beforeAll(async () => {
    whole = await written("whole", events);
  });

  async function damaged(name: string, damage: (file: string, size: number) => Promise<void>): Promise<string> {
    const dataDir = folder(name);
    await rm(dataDir, { recursive: true, force: true });
    await mkdir(join(dataDir, "bus"), { recursive: true });
    await copyFile(join(whole, "format.json"), join(dataDir, "format.json"));
    const file = join(dataDir, "bus", "data.mdb");
    await copyFile(join(whole, "bus", "data.mdb"), file);
    await damage(file, (await stat(file)).size);
    return dataDir;
  }

  async function overwrite(file: string, at: number, bytes: Buffer): Promise<void> {
    const content = await readFile(file);
    bytes.copy(content, at);
    await writeFile(file, content);
  }

  it("is refused wherever it was cut off, and never ends this process", async () => {
    const random = randoms(seed);
    const cuts = [0, 1, 4096, 8192, 16384, ...Array.from({ length: 6 }, () => random.next().value)];
    for (const cut of cuts) {
      const dataDir = await damaged("cut", (file, size) => truncate(file, cut < 1 ? Math.floor(cut * size) : cut));
      const refused = await refusal(dataDir);
      expect(refused.code, `cut at ${cut}`).toBe("BUS_DAMAGED");
    }
  });

  it("is refused when all of it, or its beginning, is zeros or noise", async () => {
    for (const fill of [0, 0x5a]) {
      for (const bytes of [64, 8192, 100_000, Number.POSITIVE_INFINITY]) {
        const dataDir = await damaged("filled", async (file, size) =>
          overwrite(file, 0, Buffer.alloc(Math.min(size, bytes), fill)),
        );
        expect((await refusal(dataDir)).code, `${bytes} bytes of ${fill}`).toBe("BUS_DAMAGED");
      }
    }
  });

  it("is refused, or all of it can still be read, when pages in its middle are zeros or noise", async () => {
    const random = randoms(seed + 1);
    for (let run = 0; run < 8; run++) {
      const at = Math.floor(random.next().value * 1000);
      const bytes = Buffer.alloc(8192 * 4, run % 2 === 0 ? 0 : 0xa5);
      const dataDir = await damaged("holes", (file, size) =>
        overwrite(file, 16384 + Math.floor((at / 1000) * (size - 65536)), bytes),
      );
      const opened = await openBusFolder({ dataDir, facts: true }).catch((error: unknown) => error);
      if (opened instanceof TideError) {
        expect(opened.code).toBe("BUS_DAMAGED");
      } else {
        await using folderOpened = opened as BusFolder;
        // the damaged pages were free ones
        expect(await readable(folderOpened)).toBe(events);
      }
    }
  });

  it("is refused when the page that names its tables is cut off or garbled", async () => {
    const { tablesRoot = 0, pageBytes = 0 } = (await readMetaPages(join(whole, "bus", "data.mdb"))) ?? {};
    expect(tablesRoot).toBeGreaterThan(1);
    for (const fill of [0, 0xa5]) {
      for (const kept of [0, 24, 64, pageBytes / 2, pageBytes - 300, pageBytes - 60]) {
        const dataDir = await damaged("nameless", (file) =>
          overwrite(file, tablesRoot * pageBytes + kept, Buffer.alloc(pageBytes - kept, fill)),
        );
        expect((await refusal(dataDir)).code, `${fill} after ${kept} bytes`).toBe("BUS_DAMAGED");
      }
    }
  });

  it("gives back by salvage what is readable", async () => {
    const random = randoms(seed + 2);
    for (let run = 0; run < 2; run++) {
      const share = 0.3 + random.next().value * 0.5;
      const dataDir = await damaged("holed", (file, size) =>
        overwrite(file, Math.floor((share * size) / 8192) * 8192, Buffer.alloc(8192 * 3, 0)),
      );
      const to = folder(`salvaged-${run}`);
      await mkdir(to, { recursive: true });
      const found = await salvageBus(join(dataDir, "bus"), join(to, "bus"));
      const copied = found.find(({ table }) => table === "events")?.copied ?? 0;
      await using opened = await openBusFolder({ dataDir: to, facts: true });
      expect(await readable(opened)).toBe(copied);
      // it goes on being a bus
      await publish(opened.bus("default", "default"), 10_000, 10_010);
      expect(await readable(opened)).toBe(copied + 10);
    }
  });

  it("gives back by salvage the events on its pages when the trees that lead to them are cut off", async () => {
    const random = randoms(seed + 3);
    for (const run of [0]) {
      const share = 0.5 + random.next().value * 0.45;
      const dataDir = await damaged("shortened", (file, size) => truncate(file, Math.floor(share * size)));
      const to = folder(`lengthened-${run}`);
      await mkdir(to, { recursive: true });
      const found = await salvageBus(join(dataDir, "bus"), join(to, "bus"));
      const copied = found.find(({ table }) => table === "events")?.copied ?? 0;
      // pages are used in the order of time, near enough
      expect(copied, `cut at ${share}`).toBeGreaterThan(events * (share - 0.4));
      await using opened = await openBusFolder({ dataDir: to, facts: true });
      expect(await readable(opened)).toBe(copied);
      await publish(opened.bus("default", "default"), 10_000, 10_010);
      expect(await readable(opened)).toBe(copied + 10);
    }
  });

  it("is copied whole by salvage when nothing is wrong with it", async () => {
    const to = folder("salvaged-whole");
    await mkdir(to, { recursive: true });
    const found = await salvageBus(join(whole, "bus"), join(to, "bus"));
    expect(found.every((one) => one.whole && one.damaged === 0)).toBe(true);
    await using opened = await openBusFolder({ dataDir: to, facts: true });
    expect(await readable(opened)).toBe(events);
  });

  it("that is none any more cannot be salvaged, and says so", async () => {
    const dataDir = await damaged("noise", (file) => writeFile(file, Buffer.alloc(100_000, 1)));
    await expect(salvageBus(join(dataDir, "bus"), folder("nothing"))).rejects.toMatchObject({ code: "BUS_DAMAGED" });
  });
});

describeWithSmallDisk("a full disk under the bus", () => {
  it("refuses what it cannot keep, keeps what it acknowledged, and takes more once there is room", async () => {
    await using disk = mountSmallDisk(8);
    const dataDir = join(disk.path, "data");
    let kept = 0;
    {
      await using opened = await openBusFolder({ dataDir, facts: true, minFreeBytes: 0 });
      const bus = opened.bus("default", "default");
      let refused: unknown;
      for (; refused === undefined && kept < 10_000; kept++) {
        await publish(bus, kept, kept + 1, 10_000).catch((error: unknown) => (refused = error));
        if (refused !== undefined) break;
        // the last of the room goes to somebody else
        if (kept === 50) await disk.fill(2 ** 20);
      }
      expect(refused).toMatchObject({ code: "BUS_WRITE_FAILED" });
      expect(bus.stats().refusing).toMatch(/bus folder/);
      expect(await bus.seqOf(numberedId(kept - 1))).toBeDefined();
      await disk.free();
      await until("it recovers by itself", () => bus.stats().refusing === undefined);
      await publish(bus, 20_000, 20_010, 10_000);
      kept += 10;
      expect(await readable(opened)).toBe(kept);
    }
    await using again = await openBusFolder({ dataDir, facts: true, minFreeBytes: 0 });
    expect(await readable(again)).toBe(kept);
  });

  it("with less room than minFreeBytes takes no events, and still commits", async () => {
    await using disk = mountSmallDisk(32);
    await using opened = await openBusFolder({
      dataDir: join(disk.path, "data"),
      facts: true,
      minFreeBytes: 16 * 2 ** 20,
    });
    const bus = opened.bus("default", "default");
    await publish(bus, 0, 1);
    await disk.fill(8 * 2 ** 20);
    let n = 1;
    const refused = await until("it is refused", async () =>
      publish(bus, n, ++n).then(
        () => undefined,
        (error: unknown) => error,
      ),
    );
    expect(refused).toMatchObject({ code: "BUS_FULL" });
    expect((refused as TideError).message).toMatch(/[78] MiB free/);
    expect(bus.stats().refusing).toMatch(/[78] MiB free/);
    await bus.state("still").put("a", Buffer.from("b"));
    await disk.free();
    await until("it takes events again", () =>
      publish(bus, 1_000, 1_001).then(
        () => true,
        () => false,
      ),
    );
    expect(bus.stats().refusing).toBeUndefined();
  });

  it("that cannot be written is refused with its name", async () => {
    await using disk = mountSmallDisk(8);
    const dataDir = join(disk.path, "data");
    await (await openBusFolder({ dataDir, facts: true, minFreeBytes: 0 }))[Symbol.asyncDispose]();
    execFileSync("mount", ["-o", "remount,ro", disk.path]);
    const refused = await refusal(dataDir);
    expect(refused.code).toBe("BUS_UNWRITABLE");
    expect(refused.message).toContain(dataDir);
  });
});
