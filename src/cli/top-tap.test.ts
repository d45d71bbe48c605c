import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { get } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { freePort } from "../../test/servers/server.ts";
import { helloOn, type Running, running, tidemill } from "../../test/tidemill.ts";
import { answers } from "../console/answers.ts";
import type { TopSample } from "../console/top.ts";
import type { Io } from "./io.ts";
import { findServer } from "./server.ts";
import { ratesOf } from "./tell-top.ts";
import { type Terminal, watchTop } from "./watch-top.ts";

/* The verbs that look on: top and tap. */

let folder = "";
let dataDir = "";
let run: Running;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "tidemill-watch-"));
  dataDir = join(folder, "data");
  const failing = `---
apiVersion: argoproj.io/v1alpha1
kind: Sensor
metadata: {name: bad}
spec:
  dependencies:
    - {name: d, eventSourceName: web, eventName: hello, filters: {data: [{path: body.bad, type: bool, value: ["true"]}]}}
  triggers: [{template: {name: call, http: {url: "http://127.0.0.1:${await freePort()}/"}}, retryStrategy: {steps: 1}}]
`;
  await writeFile(join(folder, "flow.yaml"), `${await helloOn(await freePort())}${failing}`);
  run = await running([join(folder, "flow.yaml")], { dataDir });
});
afterAll(async () => {
  await run[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

const send = (data: string) => tidemill(["send", "web/hello", "-d", data, "--wait", "--data-dir", dataDir]);

/** Taps that were opened before anything is sent: an open one answers with its headers at once. */
async function tapped(args: readonly string[], sent: readonly string[]) {
  const query = new URLSearchParams({ of: "web" });
  // the verb has its tap as soon as this later one has its own: both connect to the same loop
  const tap = tidemill(["tap", ...args, "--data-dir", dataDir]);
  let over = false;
  const ended = tap.finally(() => {
    over = true;
  });
  const response = await new Promise<import("node:http").IncomingMessage>((resolve) =>
    get(`${run.admin}/api/v1/tap?${query}`, resolve),
  );
  response.resume();
  while (!over) for (const data of sent) await send(data);
  response.destroy();
  return ended;
}

describe("tap", () => {
  test("tells what arrives, what the sensors make of it, and what the target said", async () => {
    const { code, out } = await tapped(["--limit", "6", "-o", "json"], ['{"body":{"name":"ada"}}']);
    expect(code).toBe(0);
    const lines = out
      .trim()
      .split("\n")
      .map((line) => answers.tap.parse(JSON.parse(line)));
    expect(lines).toHaveLength(6);
    const receipt = lines.find(({ k }) => k === "receipt");
    expect(receipt).toMatchObject({ source: "web/hello", outcome: "stored", namespace: "default" });
    const decision = lines.find((line) => line.k === "decision");
    expect(decision).toMatchObject({ matched: 2, filtered: 1, data: '{"body":{"name":"ada"}}' });
    expect(decision?.k === "decision" && decision.fired).toMatchObject([{ sensor: "hello", trigger: "log-it" }]);
    const attempt = lines.find(({ k }) => k === "attempt");
    expect(attempt).toMatchObject({ sensor: "hello", trigger: "log-it", state: "done", attempt: 1 });
  });

  test("for people it is a line each; of one sensor, only what concerns it", async () => {
    const { out } = await tapped(["bad", "--limit", "2"], ['{"body":{"name":"ada"}}', '{"body":{"bad":true}}']);
    const lines = out.trim().split("\n");
    expect(lines[0]).toMatch(/^\d\d:\d\d:\d\d\.\d{3} {2}web\/hello {2}[0-9a-f-]{32,36} .*→ bad\/call .*"bad":true/);
    expect(lines[1]).toMatch(/bad\/call {2}[0-9a-f-]{32,36} {2}✗ dead .* TM4001/);
  });

  test("--filter shows the events whose data it is true of", async () => {
    const sent = ['{"body":{"n":1}}', '{"body":{"n":7}}', '"no object"'];
    const { out } = await tapped(["web/hello", "--filter", "body.n > 5", "--limit", "2", "-o", "json"], sent);
    const lines = out
      .trim()
      .split("\n")
      .map((line) => answers.tap.parse(JSON.parse(line)));
    expect(lines.map(({ k }) => k).toSorted()).toEqual(["attempt", "decision"]);
    expect(lines.find(({ k }) => k === "decision")).toMatchObject({ data: '{"body":{"n":7}}' });
  });

  test("refuses a name that nothing has, and a filter that cannot be read", async () => {
    const unknown = await tidemill(["tap", "web/helo", "--data-dir", dataDir]);
    expect(unknown).toMatchObject({ code: 2, out: "", err: expect.stringContaining("did you mean web/hello?") });
    const filter = await tidemill(["tap", "--filter", "body.n >", "--data-dir", dataDir]);
    expect(filter).toMatchObject({ code: 2, out: "", err: expect.stringContaining('the filter "body.n >"') });
  });
});

describe("top", () => {
  test("once is a table, or what its schema says", async () => {
    await send("{}");
    const table = await tidemill(["top", "--data-dir", dataDir]);
    expect(table.code).toBe(0);
    expect(table.out).toMatch(/^tidemill top {2}\d\d:\d\d:\d\dZ {2}in [\d.]+\/s {2}decided/);
    expect(table.out).toMatch(/default\/web\/hello +webhook +ready/);
    expect(table.out).toMatch(/default\/hello\/log-it +log +[\d.]+ +0 +0 +0 +0 +[\d.]+ms +[\d.]+ms/);
    const { out } = await tidemill(["top", "--once", "-o", "json", "--data-dir", dataDir]);
    const rates = answers.top.parse(JSON.parse(out));
    expect(rates.sources).toMatchObject([{ name: "default/web/hello", state: "ready" }]);
    expect(rates.triggers.find(({ name }) => name === "default/bad/call")?.dead).toBeGreaterThan(0);
  });

  test("on a terminal it is drawn anew each second, ends with q, and leaves the screen as it was", async () => {
    const keys = Object.assign(new PassThrough(), {
      isTTY: true,
      raw: false,
      setRawMode(raw: boolean) {
        this.raw = raw;
      },
    });
    const terminal: Terminal = {
      stdin: keys,
      stdout: { columns: 40, rows: 6 },
      once: () => undefined,
      off: () => undefined,
    };
    let out = "";
    const io: Io = {
      env: {},
      out: (text) => {
        out += text;
        if (out.split("\u001b[J").length === 3) keys.write("q");
      },
      err: () => undefined,
      paint: (_, text) => text,
      paintErr: (_, text) => text,
      outTty: true,
      errTty: true,
    };
    const options = { dataDir, output: "human" };
    await watchTop(await findServer(options), { options, io, terminal });
    expect(out.startsWith("\u001b[?1049h")).toBe(true);
    expect(out.endsWith("\u001b[?25h\u001b[?1049l")).toBe(true);
    const [first = ""] = out.slice("\u001b[?1049h\u001b[?25l\u001b[H".length).split("\u001b[J");
    const lines = first.split("\r\n").map((line) => line.replaceAll("\u001b[K", ""));
    expect(lines).toHaveLength(5);
    expect(Math.max(...lines.map(({ length }) => length))).toBeLessThanOrEqual(40);
    expect(keys.raw).toBe(false);
  });

  test("a tidemill that started anew between two samples has no negative rates", () => {
    const sample = (at: string, received: number): TopSample => ({
      at,
      sources: [{ name: "s", kind: "webhook", state: "ready", received }],
      sensors: [],
      triggers: [],
      targetsDown: [],
    });
    const rates = ratesOf(sample("2026-01-01T00:00:00.000Z", 500), sample("2026-01-01T00:00:02.000Z", 10));
    expect(rates).toMatchObject({ inPerSecond: 5, sources: [{ inPerSecond: 5, received: 10 }] });
  });
});
