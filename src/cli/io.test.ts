import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, onTestFinished, test } from "vitest";
import { freePort } from "../../test/servers/server.ts";

const main = fileURLToPath(new URL("main.ts", import.meta.url));

test("a run whose log nobody reads any more goes on, and ends when it is told to", async () => {
  const folder = await mkdtemp(join(tmpdir(), "tidemill-unread-"));
  const port = await freePort();
  const manifest = join(folder, "web.yaml");
  await writeFile(
    manifest,
    `apiVersion: argoproj.io/v1alpha1
kind: EventSource
metadata: { name: web }
spec:
  webhook:
    orders: { endpoint: /orders, method: POST, port: "${port}" }
---
apiVersion: argoproj.io/v1alpha1
kind: Sensor
metadata: { name: orders }
spec:
  dependencies: [{ name: order, eventSourceName: web, eventName: orders }]
  triggers:
    - template:
        name: post
        http: { url: "https://127.0.0.1:1/", method: PUSH }
`,
  );
  const args = ["run", manifest, "--data-dir", join(folder, "data"), "--admin", "none", "--metrics", "none"];
  const child = spawn(process.execPath, ["--no-warnings", main, ...args, "--log-format", "ecs"], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  onTestFinished(async () => {
    child.kill("SIGKILL");
    await rm(folder, { recursive: true, force: true, maxRetries: 5 });
  });
  let said = "";
  child.stderr.setEncoding("utf8");
  for await (const text of child.stderr) {
    said += text;
    if (said.includes('"ready"')) break;
  }
  // leaving the loop has closed the pipe
  expect(said).toContain('"ready"');
  for (let n = 0; n < 5; n++) {
    // each makes a dead letter, of which a line is written
    const answer = await fetch(`http://127.0.0.1:${port}/orders`, { method: "POST", body: "{}" });
    expect(answer.status).toBe(200);
  }
  const ended = once(child, "exit");
  child.kill("SIGTERM");
  expect(await ended).toEqual([0, null]);
});
