import { spawn } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { freePort } from "../../test/servers/server.ts";
import { type Ended, type Running, running, tidemill } from "../../test/tidemill.ts";
import { answers } from "../console/answers.ts";

const flow = (port: number, target: number): string => `
apiVersion: argoproj.io/v1alpha1
kind: EventSource
metadata: {name: web}
spec:
  webhook:
    orders: {endpoint: /orders, method: POST, port: "${port}"}
---
apiVersion: argoproj.io/v1alpha1
kind: Sensor
metadata: {name: call}
spec:
  dependencies: [{name: order, eventSourceName: web, eventName: orders}]
  triggers:
    - template:
        name: post
        http:
          url: "http://127.0.0.1:${target}/"
          payload: [{src: {dependencyName: order, dataKey: body, useRawData: true}, dest: order}]
`;

let folder = "";
let manifest = "";
let dataDir = "";
let port = 0;
let run: Running;
let server: Server;
/** What the target was sent: the idempotency key and the body. */
let calls: { readonly key: string; readonly body: string }[] = [];
let status = 500;

const ask = (...args: readonly string[]): Promise<Ended> => tidemill([...args, "--data-dir", dataDir]);

/** The answer of a verb, held against its schema. */
async function answerOf<K extends keyof typeof answers>(verb: K, ...args: readonly string[]) {
  const { code, out, err } = await ask(...args, "-o", "json");
  expect(code, err).toBeLessThan(2);
  return answers[verb].parse(JSON.parse(out)) as ReturnType<(typeof answers)[K]["parse"]>;
}

/** Asks until it is so. */
async function until<T>(question: () => Promise<T>, good: (answer: T) => boolean): Promise<T> {
  for (const deadline = Date.now() + 30_000; ; ) {
    // what it asks for may come by this process's own server
    await pause(10);
    const answer = await question();
    if (good(answer)) return answer;
    if (Date.now() > deadline) throw new Error(`not within 30 s: ${JSON.stringify(answer)}`);
  }
}

async function api<T>(path: string): Promise<T> {
  return (await (await fetch(`http://${run.admin.replace(/^http:\/\//, "")}/api/v1${path}`)).json()) as T;
}

const dead = async () => (await api<{ letters: number }>("/deadletters/groups")).letters;

/** So many orders come and die. */
async function die(count: number, from = 0): Promise<void> {
  const before = await dead();
  status = 500;
  for (let n = from; n < from + count; n++) {
    const body = JSON.stringify({ n, note: `order ${n}` });
    await fetch(`http://127.0.0.1:${port}/orders`, { method: "POST", body });
  }
  await until(dead, (letters) => letters === before + count);
  calls = [];
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "tidemill-dlq-"));
  manifest = join(folder, "flow.yaml");
  dataDir = join(folder, "data");
  server = createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on("data", (part: Buffer) => parts.push(part));
    request.on("end", () => {
      const body = Buffer.concat(parts).toString();
      calls.push({ key: request.headers["idempotency-key"]?.toString() ?? "", body });
      response.writeHead(status).end(`sorry, "${calls.length}"`);
    });
  });
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  const bound = server.address();
  port = await freePort();
  await writeFile(manifest, flow(port, typeof bound === "object" ? (bound?.port ?? 0) : 0));
  run = await running([manifest], { dataDir });
});
afterAll(async () => {
  await run[Symbol.asyncDispose]();
  server.closeAllConnections();
  server.close();
  await rm(folder, { recursive: true, force: true });
});

describe("the place of dead letters, asked by its verbs", () => {
  let letter = "";

  test("they are grouped by cause, listed by filters, and shown with what a retry would send", async () => {
    await die(3);
    const groups = await answerOf("dlq-groups", "dlq", "groups");
    expect(groups).toMatchObject({ groups: 1, letters: 3, items: [{ count: 3, status: "500", code: "TM4009" }] });
    const group = groups.items[0]?.id ?? "";
    expect((await ask("dlq", "groups")).out).toMatch(new RegExp(`^COUNT.*\\n3 +${group} +call/post`));
    const listed = await answerOf("dlq-ls", "dlq", "ls", "--group", group, "--where", "data.body.n == 1");
    expect(listed.items).toHaveLength(1);
    letter = listed.items[0]?.id ?? "";
    expect((await answerOf("dlq-ls", "dlq", "ls", "--since", "1h", "--code", "TM1")).items).toEqual([]);
    const shown = await until(
      () => answerOf("dlq-show", "dlq", "show", letter),
      ({ tries }) => tries?.length === 1,
    );
    expect(shown).toMatchObject({ group, wouldSend: { kind: "http" }, tries: [{ outcome: "failed", status: "500" }] });
    expect((await ask("dlq", "show", letter)).out).toContain("a retry would send (http)");
    const bad = await ask("dlq", "ls", "--where", "data.");
    expect(bad).toMatchObject({ code: 2, err: expect.stringContaining('the expression "data."') });
  });

  test("one is edited and tried as a new firing; the plan shows what differs", async () => {
    const set = ["--set", "body.n=42", "--set", "body.note=mended"];
    const plan = await ask("dlq", "edit", letter, ...set);
    expect(plan).toMatchObject({ code: 2, out: "", err: expect.stringMatching(/- .*"n": 1,\n.*\n.*\+ .*"n": 42,/) });
    expect((await answerOf("dlq-edit", "dlq", "edit", letter, ...set, "--dry-run")).newId).toBeUndefined();
    expect(calls).toEqual([]);
    status = 200;
    const { newId = "" } = await answerOf("dlq-edit", "dlq", "edit", letter, ...set, "--yes");
    await until(
      async () => calls.length,
      (count) => count === 1,
    );
    expect(calls).toEqual([{ key: newId, body: '{"order":{"n":42,"note":"mended"}}' }]);
    expect((await answerOf("dlq-show", "dlq", "show", letter)).successor).toBe(newId);
    const file = join(folder, "data.json");
    await writeFile(file, "{");
    const refused = await ask("dlq", "edit", letter, "--data", file, "--yes");
    expect(refused).toMatchObject({ code: 2, err: expect.stringContaining("not JSON") });
    expect((await ask("dlq", "edit", letter, "--yes")).err).toContain("give --data FILE or --set PATH=VALUE");
  });

  test("filters are planned, and few are done at once, with what became of each", async () => {
    const plan = await answerOf("dlq-retry", "dlq", "retry", "--where", "data.body.n < 2", "--dry-run");
    expect(plan).toMatchObject({ items: [], plan: { count: 1, edited: 1, by: [{ sensor: "call", count: 1 }] } });
    const asked = await ask("dlq", "drop", "--where", "data.body.n < 2");
    expect(asked).toMatchObject({ code: 2, out: "", err: expect.stringContaining("would drop 2 dead letters") });
    const dropped = await answerOf(
      "dlq-drop",
      "dlq",
      "drop",
      "--where",
      "data.body.n == 0",
      "--reason",
      "old",
      "--yes",
    );
    expect(dropped.items).toMatchObject([{ outcome: "dropped" }]);
    expect(await answerOf("dlq-drop", "dlq", "drop", letter)).toEqual({ items: [{ id: letter, outcome: "dropped" }] });
    expect(await dead()).toBe(1);
    const none = await ask("dlq", "retry", "--group", "g_0", "--yes");
    expect(none).toEqual({ code: 0, out: "", err: "no dead letters\n" });
    for (const args of [
      ["--rate", "0"],
      ["--rate", "fast"],
      [letter, "--all"],
      [letter, "--dry-run"],
    ])
      expect((await ask("dlq", "retry", ...args)).code).toBe(2);
  });

  test("they are exported whole, a line each, and as CSV", async () => {
    await die(250, 100);
    const { out, err, code } = await ask("dlq", "export");
    const lines = out.trimEnd().split("\n");
    expect([code, err, lines.length]).toEqual([0, "251 dead letters\n", 251]);
    for (const line of lines.slice(0, 20)) answers["dlq-export"].parse(JSON.parse(line));
    const csv = await ask("dlq", "export", "--where", "data.body.n == 100", "-o", "csv");
    expect(csv.out.split("\r\n")[0]).toMatch(/^id,namespace,.*,dependency,event,source,subject,type,time,data$/);
    expect(csv.out).toContain('""note"":""order 100""');
  });
});

describe("many dead letters", () => {
  const all = () => calls.map(({ key }) => key);

  test("become an operation that goes on after Ctrl-C, and is listed and cancelled", async () => {
    status = 200;
    const main = fileURLToPath(new URL("main.ts", import.meta.url));
    const args = ["dlq", "retry", "--all", "--yes", "--rate", "20/s", "--data-dir", dataDir];
    const child = spawn(process.execPath, ["--no-warnings", main, ...args], { stdio: ["ignore", "pipe", "pipe"] });
    let said = "";
    child.stderr.on("data", (text: Buffer) => {
      said += text.toString();
    });
    const ended = new Promise<number | null>((resolve) => child.once("close", resolve));
    await until(
      async () => calls.length,
      (count) => count > 5,
    );
    child.kill("SIGINT");
    expect(await ended).toBe(0);
    expect(said).toContain("it goes on in the server");
    const before = calls.length;
    await until(
      async () => calls.length,
      (count) => count > before + 5,
    );
    const { items } = await answerOf("ops-ls", "ops", "ls");
    expect(items).toMatchObject([{ kind: "retry", state: "running", perSecond: 20, total: 251 }]);
    const cancelled = await answerOf("ops-cancel", "ops", "cancel", items[0]?.id ?? "");
    expect(cancelled).toMatchObject({ state: "cancelled" });
    expect(await dead()).toBe(251 - cancelled.done);
    expect((await ask("ops", "ls")).out).toMatch(/cancelled +\d+ of 251/);
    expect(await ask("ops", "cancel", "op_x")).toMatchObject({ code: 2, err: expect.stringContaining("TM7050") });
  });

  test("of a bulk retry that kill -9 cuts off, each is retried and none is lost", async () => {
    await until(
      async () => (await answerOf("audit", "audit")).firings.pending,
      (pending) => pending === 0,
    );
    await die(600, 1_000);
    const letters = await dead();
    const keys = new Set<string>();
    for (const line of (await ask("dlq", "export")).out.trimEnd().split("\n")) keys.add(JSON.parse(line).id as string);
    expect(keys.size).toBe(letters);
    status = 200;
    const begun = await answerOf("dlq-retry", "dlq", "retry", "--all", "--yes", "--rate", "400/s", "--detach");
    for (const share of [0.2, 0.5]) {
      await until(
        async () => new Set(all()).size,
        (count) => count > letters * share,
      );
      run.kill("SIGKILL");
      await run.ended;
      expect(new Set(all()).size).toBeLessThan(letters);
      run = await running([manifest], { dataDir });
    }
    const id = begun.operation?.id ?? "";
    const operation = await until(
      () => api<{ readonly state: string; readonly done: number; readonly failed: number }>(`/operations/${id}`),
      ({ state }) => state !== "running",
    );
    expect(operation).toMatchObject({ state: "done", done: letters, failed: 0 });
    await until(
      async () => new Set(all()).size,
      (count) => count === letters,
    );
    expect(new Set(all())).toEqual(keys);
    const audit = await until(
      () => answerOf("audit", "audit"),
      ({ firings }) => firings.pending === 0 && firings.dead === 0,
    );
    expect(audit.missing).toEqual([]);
    expect(await dead()).toBe(0);
    // what ran when it was killed ran again, under its own key
    expect(all().length - letters).toBeLessThan(2 * 33);
  }, 120_000);
});

describe("a replay", () => {
  test("is planned, done, and marked wherever the event is told of", async () => {
    calls = [];
    const args = ["--from", "1h", "--where", "data.body.n < 2", "--config", "current"];
    const plan = await answerOf("replay", "replay", ...args, "--dry-run");
    expect(plan).toMatchObject({ plan: { count: 2, bySource: [{ source: "web", subject: "orders", count: 2 }] } });
    const asked = await ask("replay", ...args);
    expect(asked).toMatchObject({ code: 2, out: "", err: expect.stringContaining("would replay 2 events") });
    const done = await answerOf("replay", "replay", ...args, "--yes", "--replay-id", "again-1");
    expect(done.operation).toMatchObject({ kind: "replay", state: "done", done: 2 });
    await until(
      async () => calls.length,
      (count) => count === 2,
    );
    const { items } = await until(
      () => answerOf("events-ls", "events", "ls", "--limit", "2"),
      (page) => page.items.every(({ reason }) => reason?.startsWith("replay again-1 of ")),
    );
    const again = await answerOf("events-get", "events", "get", items[0]?.id ?? "");
    expect(again.replay?.id).toBe("again-1");
    expect((await ask("why", again.id)).out).toContain(`stored: replay again-1 of ${again.replay?.of}`);
    const named = await ask(
      "replay",
      "--event-id",
      again.replay?.of ?? "",
      "gone",
      "--to-trigger",
      "call/post",
      "--yes",
    );
    expect(named).toMatchObject({ code: 1, out: expect.stringMatching(/done: 1 of 1, 1 failed/) });
    expect((await answerOf("audit", "audit")).missing).toEqual([]);
  }, 60_000);

  test("is refused where it cannot be", async () => {
    const cases: readonly (readonly [string[], string])[] = [
      [[], "give --from, or the events with --event-id"],
      [["--from", "soon"], "write a duration"],
      [["--from", "1h", "--to-trigger", "call/pos"], "did you mean call/post?"],
      [["--from", "1h", "--source", "[a"], "--source [a"],
      [["--from", "1h", "--replay-id", "a b"], "replayId: 1 to 64 letters"],
    ];
    for (const [args, says] of cases) {
      const { code, out, err } = await ask("replay", ...args);
      expect([args, code, out]).toEqual([args, 2, ""]);
      expect(err).toContain(says);
    }
  });
});
