import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, test } from "vitest";
import { temporaryFolder } from "../../test/servers/folder.ts";
import { freePort } from "../../test/servers/server.ts";
import { tidemill } from "../../test/tidemill.ts";

const main = fileURLToPath(new URL("main.ts", import.meta.url));
const folders: string[] = [];
afterAll(() => Promise.all(folders.map((folder) => rm(folder, { recursive: true, force: true }))));

async function newFolder(): Promise<string> {
  const folder = await temporaryFolder("dev");
  folders.push(folder);
  return folder;
}

/** `tidemill dev` in a folder; what it says is waited for. */
function develop(folder: string) {
  const { NO_COLOR: _, FORCE_COLOR: __, TIDEMILL_ADMIN: ___, TIDEMILL_DATA_DIR: ____, ...env } = process.env;
  const args = ["--no-warnings", main, "dev", "--admin", "127.0.0.1:0", "--metrics", "127.0.0.1:0"];
  const child = spawn(process.execPath, args, { cwd: folder, env, stdio: ["ignore", "pipe", "pipe"] });
  const said = { out: "", err: "" };
  let changed = Promise.withResolvers<void>();
  const read = (to: "out" | "err") => (chunk: Buffer) => {
    said[to] += chunk.toString();
    changed.resolve();
    changed = Promise.withResolvers();
  };
  child.stdout.on("data", read("out"));
  child.stderr.on("data", read("err"));
  const ended = once(child, "close").then(([code]) => code as number | null);
  return {
    ended,
    kill: (signal: NodeJS.Signals) => child.kill(signal),
    async says(to: "out" | "err", text: RegExp): Promise<RegExpExecArray> {
      for (;;) {
        const next = changed.promise;
        const found = text.exec(said[to]);
        if (found !== null) return found;
        const over = await Promise.race([next, ended.then((code) => ({ code }))]);
        if (over !== undefined) throw new Error(`dev ended with ${over.code}:\n${said.out}\n${said.err}`);
      }
    },
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await ended;
    },
  };
}

describe("dev", () => {
  test("runs a template, tells each event in a line, and takes an edit while it runs", async () => {
    const folder = await newFolder();
    const port = await freePort();
    expect((await tidemill(["init", "webhook-job"], { cwd: folder })).code).toBe(0);
    const source = join(folder, "eventsource.yaml");
    await writeFile(source, (await readFile(source, "utf8")).replace('"12000"', `"${port}"`));
    await using dev = develop(folder);
    await dev.says("err", /ready in \d/);
    const send = async (ref: string): Promise<void> => {
      const body = JSON.stringify({ ref });
      const headers = { "content-type": "application/json" };
      expect((await fetch(`http://127.0.0.1:${port}/build`, { method: "POST", body, headers })).status).toBe(200);
    };
    await send("main");
    const [, event] = await dev.says("out", /web\/build {2}(\S+) {2}→ build\/build-it {2}.*"ref":"main"/);
    await dev.says("out", new RegExp(`build/build-it {2}${event} {2}✓`));
    const jobs = await tidemill(["jobs", "ls"], { cwd: folder });
    expect(jobs.out).toMatch(/build-/);

    const sensor = join(folder, "sensor.yaml");
    await writeFile(sensor, (await readFile(sensor, "utf8")).replace("name: build-it", "name: renamed"));
    await dev.says("err", /reload applied/);
    await send("next");
    await dev.says("out", /→ build\/renamed .*"ref":"next"/);
    dev.kill("SIGTERM");
    expect(await dev.ended).toBe(0);
  });

  test("in a folder without manifests says how to begin", async () => {
    const { code, err } = await tidemill(["dev", "--ephemeral"], { cwd: await newFolder() });
    expect(code).toBe(2);
    expect(err).toContain("tidemill init");
  });
});
