import { createHmac } from "node:crypto";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { temporaryFolder } from "../../test/servers/folder.ts";
import { freePort } from "../../test/servers/server.ts";
import { planTexts } from "../manifests/plan.ts";
import { lists } from "../manifests/read.ts";
import { standardRun } from "./standard-run.ts";

const opened: AsyncDisposableStack[] = [];

afterEach(async () => {
  for (const one of opened.splice(0)) await one.disposeAsync();
});

/** A whole run of one EventSource, with Secrets in files. */
async function start(entry: (port: number) => string, secrets: Readonly<Record<string, string>> = {}) {
  const stack = new AsyncDisposableStack();
  opened.push(stack);
  const port = await freePort();
  const secretsDir = await temporaryFolder("guard");
  const write = async (name: string, value: string) => {
    await mkdir(join(secretsDir, "hook"), { recursive: true });
    await writeFile(join(secretsDir, "hook", name), value);
  };
  for (const [name, value] of Object.entries(secrets)) await write(name, value);
  const text = `apiVersion: argoproj.io/v1alpha1\nkind: EventSource\nmetadata: {name: web}\nspec:\n${entry(port)}`;
  const planned = planTexts([{ file: "web.yaml", folder: ".", named: true, text }], lists);
  expect(planned.findings).toEqual([]);
  const run = await standardRun({
    manifests: { ...planned, files: [] },
    dataDir: undefined,
    secretsDir,
    drainTimeoutMs: 20,
  });
  stack.defer(() => run.stop());
  await run.settledStart;
  return { port, run, write };
}

test("a delivery is stored once, a forged one is counted, and a renewed secret counts at once", async () => {
  const { port, run, write } = await start(
    (number) =>
      `  webhook:\n    in: {endpoint: /in, method: POST, port: "${number}", signature: {preset: github, secrets: [{name: hook, key: s}]}}\n`,
    { s: "first\n" },
  );
  const deliver = async (secret: string, id: string) => {
    const mac = createHmac("sha256", secret).update("{}").digest("hex");
    const headers = { "X-Hub-Signature-256": `sha256=${mac}`, "X-GitHub-Delivery": id, Accept: "application/json" };
    const answer = await fetch(`http://127.0.0.1:${port}/in`, { method: "POST", body: "{}", headers });
    const said = await answer.text();
    return answer.status === 200 ? (JSON.parse(said) as { readonly outcome: string }).outcome : answer.status;
  };
  expect([await deliver("first", "1"), await deliver("first", "1"), await deliver("first", "2")]).toEqual([
    "stored",
    "duplicate",
    "stored",
  ]);
  await write("s", "second");
  await expect.poll(() => deliver("second", "3"), { timeout: 10_000 }).toBe("stored");
  expect([await deliver("first", "4"), await deliver("second", "3")]).toEqual([401, "duplicate"]);
  expect(await run.metrics.text()).toMatch(/requests_refused_total\{[^}]*reason="signature"\} [1-9]/);
});

test("entries that share a route of eventBridge have one guard, or one of them does not begin", async () => {
  const guard = "allowFrom: [127.0.0.1]";
  const same = await start(
    (number) => `  eventBridge:\n    a: {port: "${number}", ${guard}}\n    b: {port: "${number}", ${guard}}\n`,
  );
  expect(same.run.sources.map((source) => source.status().state)).toEqual(["ready", "ready"]);
  const other = await start(
    (number) => `  eventBridge:\n    a: {port: "${number}", ${guard}}\n    b: {port: "${number}"}\n`,
  );
  const states = other.run.sources.map((source) => source.status());
  expect(states).toContainEqual({ state: "ready" });
  expect(states).toContainEqual(expect.objectContaining({ state: "failing", code: "TM3003" }));
});
