import { mkdir, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { Audit } from "../../src/record/record.ts";
import { temporaryFolder } from "../../test/servers/folder.ts";
import { runFolder } from "../lib/run-folder.ts";
import { seeded } from "../lib/seeded.ts";
import { auditText, faultsOf, type Sent } from "./check.ts";
import { delayCsv, delaysOf, timeText } from "./delays.ts";
import { type Channel, isWanted, parseMessage } from "./message.ts";
import { delayHtml } from "./report-html.ts";
import { sample } from "./sample.ts";
import { createScreen } from "./screen.ts";
import { type MessageRow, openTable } from "./table.ts";

const message = { id: "r-1", author: "ada", kind: "order", internal: false, text: "", sentUs: 1_000_000 } as const;

function row(change: Partial<MessageRow> = {}): MessageRow {
  const base = { author: "ada", id: "r-1", channel: "topic", sentUs: 1_000_000, insertedUs: 1_004_000 } as const;
  return { ...base, deliveries: 1, otherKeys: 0, ...change };
}

describe("the sample", () => {
  const options = { count: 200, maxGapMs: 3_000, run: "r" };

  test("is the same for the same seed, and has no id twice", () => {
    const drafts = sample({ ...options, random: seeded(3) });
    expect(sample({ ...options, random: seeded(3) })).toEqual(drafts);
    expect(sample({ ...options, random: seeded(4) })).not.toEqual(drafts);
    expect(new Set(drafts.map(({ message: { id } }) => id)).size).toBe(200);
  });

  test("has some of every kind, and the first is a wanted one", () => {
    const drafts = sample({ ...options, random: seeded(3) });
    const kinds = drafts.map(({ message: { kind } }) => kind);
    expect(kinds).toContain("heartbeat");
    expect(drafts.some(({ message: { internal } }) => internal)).toBe(true);
    expect(drafts.some(({ message: { author } }) => author.startsWith("test-"))).toBe(true);
    for (let seed = 0; seed < 50; seed++) {
      const [first] = sample({ ...options, count: 1, random: seeded(seed) });
      expect(first && isWanted(first.message)).toBe(true);
    }
  });

  test("has gaps from none to the longest, and more ids than the list has", () => {
    const drafts = sample({ ...options, count: 10_000, random: seeded(1) });
    const gaps = drafts.map(({ gapMs }) => gapMs);
    expect(Math.min(...gaps)).toBeLessThan(10);
    expect(Math.max(...gaps)).toBeGreaterThan(2_990);
    expect(Math.max(...gaps)).toBeLessThanOrEqual(3_000);
    expect(new Set(drafts.map(({ message: { id } }) => id)).size).toBe(10_000);
  });
});

test.each([
  ["", "the message is no JSON"],
  ["null", "the message is no JSON object"],
  ["[]", "id must be a text of 1 to 64 characters"],
  ['{"id":"a","author":"","sentUs":1}', "author must be a text of 1 to 64 characters"],
  ['{"id":"a","author":"b","sentUs":1.5}', "sentUs must be a whole number"],
])("the message %j is refused", (text, sentence) => {
  expect(() => parseMessage(text)).toThrow(sentence);
});

test("the table counts repetitions, and tells those under another key", async () => {
  await using table = await openTable("sqlite::memory:");
  await table.insert("topic", message, "k1");
  await table.insert("topic", message, "k1");
  await table.insert("topic", message, "k2");
  await table.insert("queue", message, "k3");
  await table.insert("queue", { ...message, id: "s-1" }, "k4");
  const rows = await table.rows("r");
  expect(rows.map(({ channel, deliveries, otherKeys }) => [channel, deliveries, otherKeys])).toEqual([
    ["topic", 3, 1],
    ["queue", 1, 0],
  ]);
  expect(await table.rows()).toHaveLength(3);
  expect(await table.rows("r", Number.MAX_SAFE_INTEGER)).toEqual([]);
});

test("delays are counted per channel", () => {
  const rows = Array.from({ length: 100 }, (_, i) => row({ id: `r-${i}`, insertedUs: 1_000_000 + (i + 1) * 1_000 }));
  expect(delaysOf(rows)).toEqual([{ channel: "topic", count: 100, p50Ms: 50, p95Ms: 95, p99Ms: 99, maxMs: 100 }]);
  expect(delaysOf([])).toEqual([]);
});

test("times have microseconds, and CSV cells are quoted where they must be", () => {
  expect(timeText(1_767_600_000_000_042)).toBe("2026-01-05T08:00:00.000042Z");
  expect(delayCsv([row({ author: 'a "b", c' })]).split("\r\n")[1]).toBe(
    '"a ""b"", c",r-1,topic,1970-01-01T00:00:01.000000Z,1970-01-01T00:00:01.004000Z,4.000',
  );
  expect(delayCsv([row({ author: "=1+1" })])).toContain("'=1+1");
});

test("the page escapes what comes from messages", () => {
  const html = delayHtml([row({ author: "<script>" })]);
  expect(html).toContain("&lt;script&gt;");
  expect(html).not.toContain("<script>");
  expect(delayHtml([])).toContain("0 messages");
});

describe("the check", () => {
  const sent: readonly Sent[] = (["topic", "queue"] as const).flatMap((channel) => [
    { channel, message },
    { channel, message: { ...message, id: "r-2", kind: "heartbeat" as const } },
    { channel, message: { ...message, id: "r-3", author: "test-robot" } },
  ]);
  const rowOf = (channel: Channel): MessageRow => row({ channel });
  const rows = [rowOf("topic"), rowOf("queue")];
  const audit: Audit = {
    receipts: { stored: 4, duplicate: 0, filtered: 2, refused: 0 },
    decisions: { fired: 2, filtered: 2, waiting: 0, superseded: 0, reset: 0, expired: 0, unmatched: 0, undecided: 0 },
    firings: { pending: 0, running: 0, done: 2, dead: 0, dropped: 0 },
    missing: [],
  };
  const ending = { sent, rows, audit, alone: true };

  test("finds nothing where all is well, repetitions under one key included", () => {
    expect(faultsOf(ending)).toEqual([]);
    expect(faultsOf({ ...ending, rows: [row({ deliveries: 3 }), rowOf("queue")] })).toEqual([]);
    expect(auditText(audit)).toContain("receipts   4 stored, 2 filtered");
  });

  test.each([
    [{ rows: [rowOf("topic")] }, "queue r-1 of ada was sent and is not in the table"],
    [{ rows: [row({ otherKeys: 1 }), rowOf("queue")] }, "topic r-1 of ada was acted on 2 times"],
    [{ rows: [...rows, row({ id: "r-2" })] }, "topic r-2 of ada is in the table and should have been filtered"],
    [{ rows: [...rows, row({ id: "r-9" })] }, "topic/r-9 is in the table and was never sent"],
    [{ rows: [row({ author: "bob" }), rowOf("queue")] }, "topic r-1 of ada is in the table as of bob"],
    [{ audit: { ...audit, missing: [{ id: "e", what: "gone" }] } }, "audit: e: gone"],
    [{ audit: { ...audit, firings: { ...audit.firings, dead: 1 } } }, "audit: firings dead: 1, but none should be"],
    [{ audit: { ...audit, receipts: { ...audit.receipts, stored: 5 } } }, "audit: receipts stored: 5, but 4 were sent"],
  ])("finds %#", (change, sentence) => {
    expect(faultsOf({ ...ending, ...change })).toContain(sentence);
  });

  test("others may use the same queue when it is not this run's own", () => {
    const busier = { ...audit, receipts: { ...audit.receipts, stored: 9 } };
    expect(faultsOf({ ...ending, audit: busier, alone: false })).toEqual([]);
  });
});

test("the folders of the last runs stay, older ones go, and what is not a run is left alone", async () => {
  const all = await temporaryFolder("run-folder");
  const runs = Array.from({ length: 7 }, (_, i) => `mwq5t00${i}`);
  for (const name of [...runs, "my-notes"]) await mkdir(join(all, name));
  expect(await runFolder(all, "mwq5t009")).toBe(join(all, "mwq5t009"));
  expect((await readdir(all)).sort()).toEqual([...runs.slice(3), "my-notes"]);
  await rm(all, { recursive: true });
});

describe("the screen", () => {
  function stream(isTTY: boolean): { readonly texts: string[]; readonly stream: NodeJS.WriteStream } {
    const texts: string[] = [];
    const write = (text: string): boolean => texts.push(text) > 0;
    return { texts, stream: { isTTY, columns: 60, write } as unknown as NodeJS.WriteStream };
  }

  test("on a terminal has a bar that every line is printed above", () => {
    const [out, err] = [stream(true), stream(true)];
    {
      using screen = createScreen({ out: out.stream, err: err.stream, total: 4 });
      screen.progress(1);
      screen.say("a line");
    }
    expect(out.texts).toEqual(["a line\n"]);
    const clear = "\r\u001b[K";
    const bar = `${clear}████████${"░".repeat(22)} 1 of 4 messages`;
    expect(err.texts).toEqual([bar, clear, bar, clear]);
  });

  test("elsewhere tells each tenth once, without control characters", () => {
    const [out, err] = [stream(false), stream(false)];
    using screen = createScreen({ out: out.stream, err: err.stream, total: 200 });
    for (let over = 0; over <= 200; over++) screen.progress(over);
    screen.filtered("queue", "by the sensor", { ...message, author: "test-robot" });
    expect(err.texts).toHaveLength(10);
    expect(err.texts[4]).toBe("progress: 50 % (100 of 200 messages)\n");
    expect(out.texts.join("")).toMatch(/^\d\d:\d\d:\d\d\.\d{3} {2}queue {2}test-robot r-1 +filtered by the sensor\n$/);
  });
});
