import { appendFile, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Log, silentLog } from "../lib/log.ts";
import { VirtualClock } from "../lib/virtual-clock.ts";
import { createRedactor } from "../telemetry/redact.ts";
import { AuditLog, auditFile, type Change, readChanges } from "./audit-log.ts";

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "tidemill-audit-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const done = (did: string, on?: unknown): Omit<Change, "at"> => ({ who: "local", did, on, outcome: "done" });

function logOf(dataDir: string | undefined, log: Log = silentLog) {
  const redactor = createRedactor();
  redactor.add("hunter22");
  return new AuditLog({ dataDir, redactor, clock: new VirtualClock(), log });
}

test("lines are in the order of the changes, without secrets, and the newest are read last", async () => {
  const dataDir = join(folder, "order");
  const log = logOf(dataDir);
  await Promise.all([1, 2, 3].map((n) => log.append(done(`POST /${n}`, { reason: "was hunter22" }))));
  const read = await readChanges(dataDir, 2);
  expect(read.map(({ did }) => did)).toEqual(["POST /2", "POST /3"]);
  expect(read[0]).toMatchObject({ at: "2026-01-05T09:00:00.000Z", on: { reason: "was ***" } });
});

test("a full file is put aside, four of them are kept, and what they hold is still read", async () => {
  const dataDir = join(folder, "full");
  const log = logOf(dataDir);
  for (let n = 0; n < 7; n++) {
    await log.append(done(`POST /${n}`));
    await appendFile(auditFile(dataDir), `${" ".repeat(8 * 1024 * 1024)}\n`);
  }
  const names = (await readdir(dataDir)).sort();
  expect(names).toEqual(["audit.log", "audit.log.1", "audit.log.2", "audit.log.3", "audit.log.4"]);
  expect((await readChanges(dataDir, 100)).map(({ did }) => did)).toEqual([2, 3, 4, 5, 6].map((n) => `POST /${n}`));
});

test("a line that was cut off by a crash is left out, and the next one is read", async () => {
  const dataDir = join(folder, "cut");
  const log = logOf(dataDir);
  await log.append(done("POST /1"));
  await appendFile(auditFile(dataDir), '{"at":"2026-\n{"no":"change"}\n');
  await log.append(done("POST /2"));
  expect((await readChanges(dataDir, 100)).map(({ did }) => did)).toEqual(["POST /1", "POST /2"]);
});

test("what is too long to be kept is left out, and the change is told", async () => {
  const dataDir = join(folder, "long");
  await logOf(dataDir).append(done("POST /1", { ids: Array.from({ length: 5_000 }, (_, n) => `id-${n}`) }));
  expect(await readChanges(dataDir, 1)).toMatchObject([{ did: "POST /1", on: "too long to be kept" }]);
});

test("a line that cannot be written is logged, and stops nothing", async () => {
  await writeFile(join(folder, "file"), "");
  const said: string[] = [];
  const log = { ...silentLog, error: (_: object, message: string) => void said.push(message) };
  await logOf(join(folder, "file"), log).append(done("POST /1"));
  expect(said).toEqual(["a change by the admin API was not written to audit.log"]);
});

test("without a data folder a change is a log line", async () => {
  const said: object[] = [];
  await logOf(undefined, { ...silentLog, info: (fields) => void said.push(fields) }).append(done("POST /1"));
  expect(said).toMatchObject([{ change: { did: "POST /1", who: "local" } }]);
  expect(await readChanges(join(folder, "none"), 10)).toEqual([]);
});
