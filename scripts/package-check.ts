import { type ChildProcess, spawn } from "node:child_process";
import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { publint } from "publint";
import { formatMessage } from "publint/utils";
import { cacheFolder } from "../test/servers/recipes.ts";
import { freePort } from "../test/servers/server.ts";

/*
 * Proves that what would be published works for who installs it: builds and packs the package, looks at the tarball,
 * installs it into an empty folder outside the checkout, and uses it there on this Node and on the oldest supported.
 * Every check runs; those that failed are named at the end, and the exit code is 1.
 */

const root = fileURLToPath(new URL("..", import.meta.url));
const oldestNode = "22.19.0";
const say = (text: string) => process.stdout.write(`${text}\n`);

/** Files a user has use for; anything else in the tarball is a mistake. */
const published = /^(package\.json|README\.md|LICENSE|NOTICE|CHANGELOG\.md|dist\/.+\.(js|d\.ts|json|html|css|sql))$/;
const developers = /\.test\.|\b(conformance|fixtures?)\b|-testing\./;

/** A folder with its own PATH: which `node` a command in it gets. */
interface Place {
  readonly folder: string;
  readonly nodeFolder: string;
}

interface Finished {
  readonly code: number | null;
  readonly output: string;
}

function environment({ nodeFolder }: Place): NodeJS.ProcessEnv {
  return { ...process.env, PATH: `${nodeFolder}${delimiter}${process.env.PATH ?? ""}`, NO_COLOR: "1" };
}

function start(place: Place, [program = "", ...args]: readonly string[]): ChildProcess {
  return spawn(program, args, { cwd: place.folder, env: environment(place), stdio: ["ignore", "pipe", "pipe"] });
}

async function finish(child: ChildProcess, timeoutMs: number): Promise<Finished> {
  let output = "";
  const read = (chunk: Buffer) => {
    output += chunk.toString();
  };
  child.stdout?.on("data", read);
  child.stderr?.on("data", read);
  const patience = setTimeout(() => child.kill("SIGKILL"), timeoutMs);
  try {
    const code = await new Promise<number | null>((ended, failed) => {
      child.once("close", ended);
      child.once("error", failed);
    });
    return { code, output };
  } finally {
    clearTimeout(patience);
  }
}

/** The output of a command that must end with 0. */
async function run(place: Place, command: readonly string[]): Promise<string> {
  const { code, output } = await finish(start(place, command), 300_000);
  if (code !== 0) throw new Error(`${command.join(" ")} ended with ${code}:\n${output.slice(-3_000)}`);
  return output;
}

function expectThat(true_: boolean, otherwise: string): void {
  if (!true_) throw new Error(otherwise);
}

async function pack(here: Place, into: string): Promise<string> {
  await run(here, ["npm", "run", "build"]);
  await run(here, ["npm", "pack", "--ignore-scripts", "--pack-destination", into]);
  const tarball = (await readdir(into)).find((name) => name.endsWith(".tgz"));
  if (tarball === undefined) throw new Error("npm pack made no tarball");
  return join(into, tarball);
}

async function checkFiles(here: Place, tarball: string): Promise<void> {
  const listed = await run(here, ["tar", "-tzf", tarball]);
  const files = listed
    .split("\n")
    .filter(Boolean)
    .map((name) => name.replace(/^package\//, ""));
  const wrong = files.filter((name) => !published.test(name) || developers.test(name));
  expectThat(
    wrong.length === 0,
    `not for users: ${wrong.slice(0, 20).join(", ")} (${wrong.length} of ${files.length})`,
  );
  for (const name of ["README.md", "LICENSE"]) expectThat(files.includes(name), `${name} is not in the tarball`);
}

async function checkWithPublint(tarball: string): Promise<void> {
  const bytes = await readFile(tarball);
  const { messages, pkg } = await publint({ pack: { tarball: Uint8Array.from(bytes).buffer }, strict: true });
  // strict: warnings are errors; suggestions are a matter of taste
  const errors = messages.filter(({ type }) => type === "error");
  const said = errors.map((message) => formatMessage(message, pkg, { color: false }) ?? message.code);
  expectThat(said.length === 0, said.join("\n"));
}

async function install(folder: string, tarball: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, "package.json"), '{ "private": true, "type": "module" }\n');
  await run({ folder, nodeFolder: dirname(process.execPath) }, ["npm", "install", "--no-audit", "--no-fund", tarball]);
}

/** The folder of that Node's program, from its npm package; kept in the cache of the test servers. */
async function installNode(version: string): Promise<string> {
  const folder = join(cacheFolder(), `node-${version}`);
  const nodeFolder = join(folder, "node_modules", "node", "bin");
  const place = { folder, nodeFolder };
  const works = () => run(place, ["node", "--version"]).then((told) => told.trim() === `v${version}`);
  if (await works().catch(() => false)) return nodeFolder;
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, "package.json"), '{ "private": true, "allowScripts": { "node": true } }\n');
  await run({ folder, nodeFolder: dirname(process.execPath) }, [
    ...["npm", "install", "--no-audit", "--no-fund", `node@${version}`],
  ]);
  expectThat(await works(), `node@${version} does not run as v${version}`);
  return nodeFolder;
}

/** The hello example with ports of its own, so that the check does not meet what runs on this machine. */
async function helloManifest(folder: string): Promise<{ readonly path: string; readonly port: number }> {
  const port = await freePort();
  const path = join(folder, `hello-${port}`);
  await cp(join(root, "examples", "hello"), path, { recursive: true });
  let found = false;
  for (const name of await readdir(path)) {
    if (!/\.ya?ml$/.test(name)) continue;
    const text = await readFile(join(path, name), "utf8");
    found ||= text.includes("12000");
    await writeFile(join(path, name), text.replaceAll("12000", String(port)));
  }
  expectThat(found, "examples/hello has no webhook on port 12000");
  return { path, port };
}

/** A Sensor beside it that calls a function of a TypeScript module, in a thread and in a process. */
async function addFunctions(path: string): Promise<void> {
  const trigger = (isolation: string) => `    - template:
        name: ${isolation}
        function: { module: ./said.ts, isolation: ${isolation}, env: { HOW: ${isolation} } }
`;
  const sensor = `apiVersion: argoproj.io/v1alpha1
kind: Sensor
metadata: { name: functions }
spec:
  dependencies:
    - { name: greeting, eventSourceName: web, eventName: hello }
  triggers:
${trigger("worker")}${trigger("process")}`;
  const said = `import type { FunctionContext } from "tidemill/function";
import { NonRetryableError } from "tidemill/function";

export function handler(input: { readonly body: { readonly message: string } }, context: FunctionContext): void {
  if (!(new NonRetryableError("x") instanceof Error)) throw new Error("no error");
  context.log.info({ event: context.event.id }, \`\${process.env.HOW} says \${input.body.message}\`);
}
`;
  await writeFile(join(path, "functions.yaml"), sensor);
  await writeFile(join(path, "said.ts"), said);
}

async function postUntilTaken(url: string, body: string, signal: AbortSignal): Promise<void> {
  for (;;) {
    const status = await fetch(url, {
      method: "POST",
      body,
      headers: { "content-type": "application/json" },
      signal,
    }).then(
      (response) => response.status,
      (error: unknown) => (signal.aborted ? Promise.reject(error) : 0),
    );
    if (status === 200) return;
    // 0: not yet listening; 404: the listener is there before the route
    expectThat(status === 0 || status === 404, `the webhook answered ${status}`);
    await pause(50, undefined, { signal });
  }
}

/** One event through an installed tidemill: taken by HTTP, logged, given to functions, and a clean end on SIGTERM. */
async function checkRun(place: Place): Promise<void> {
  const { path, port } = await helloManifest(place.folder);
  await addFunctions(path);
  const marker = `packed and installed ${port}`;
  const wanted = [`"message":"${marker}"`, `worker says ${marker}`, `process says ${marker}`];
  const ports = { admin: await freePort(), metrics: await freePort() };
  const child = start(place, [
    join(place.folder, "node_modules", ".bin", "tidemill"),
    ...["run", path, "--data-dir", join(path, "data")],
    ...["--admin", `127.0.0.1:${ports.admin}`, "--metrics", `127.0.0.1:${ports.metrics}`],
  ]);
  const ended = finish(child, 60_000);
  const giveUp = AbortSignal.timeout(30_000);
  const logged = new Promise<void>((seen) => {
    let text = "";
    const look = (chunk: Buffer) => {
      text += chunk.toString().replaceAll("\\", "");
      if (wanted.every((one) => text.includes(one))) seen();
    };
    child.stdout?.on("data", look);
    child.stderr?.on("data", look);
  });
  const early = ended.then(({ code, output }) => {
    throw new Error(`tidemill run ended with ${code}:\n${output.slice(-3_000)}`);
  });
  const late = pause(30_000, undefined, { ref: false }).then(() => {
    throw new Error("the event was not logged by all within 30 s");
  });
  try {
    const event = JSON.stringify({ message: marker });
    await Promise.race([postUntilTaken(`http://127.0.0.1:${port}/hello`, event, giveUp), early, late]);
    await Promise.race([logged, early, late]);
  } finally {
    child.kill("SIGTERM");
    await early.catch(() => undefined);
  }
  const { code, output } = await ended;
  expectThat(code === 0, `after SIGTERM tidemill run ended with ${code}:\n${output.slice(-3_000)}`);
}

async function checkImports(place: Place): Promise<void> {
  for (const name of ["tidemill", "tidemill/kit", "tidemill/function", "tidemill/load", "tidemill/expressions"]) {
    const script = `const names = Object.keys(await import(${JSON.stringify(name)})); if (names.length === 0) process.exit(9);`;
    await run(place, ["node", "--input-type=module", "-e", script]);
  }
}

async function checkVersion(place: Place): Promise<void> {
  const { version } = JSON.parse(await readFile(join(root, "package.json"), "utf8")) as { readonly version: string };
  const told = await run(place, ["npx", "--no-install", "tidemill", "version"]);
  expectThat(told.includes(version), `tidemill version does not name ${version}:\n${told}`);
}

async function main(): Promise<number> {
  const failed: string[] = [];
  /** Runs one check and remembers whether it failed; what needs its result is skipped with undefined. */
  async function check<T>(name: string, work: () => Promise<T>): Promise<T | undefined> {
    try {
      const result = await work();
      say(`ok      ${name}`);
      return result;
    } catch (error) {
      failed.push(name);
      say(`FAILED  ${name}\n${error instanceof Error ? error.message : String(error)}`);
      return undefined;
    }
  }

  const work = await mkdtemp(join(tmpdir(), "tidemill-package-"));
  try {
    const here = { folder: root, nodeFolder: dirname(process.execPath) };
    const tarball = await check("build and pack", () => pack(here, work));
    if (tarball === undefined) return 1;
    await check("no files but a user's", () => checkFiles(here, tarball));
    await check("publint", () => checkWithPublint(tarball));
    const folder = join(work, "empty");
    if ((await check("installs into an empty folder", () => install(folder, tarball).then(() => true))) === undefined) {
      return 1;
    }
    const oldest = await check(`Node ${oldestNode} can be had`, () => installNode(oldestNode));
    for (const nodeFolder of [here.nodeFolder, oldest]) {
      if (nodeFolder === undefined) continue;
      const place = { folder, nodeFolder };
      const node = (await run(place, ["node", "--version"])).trim();
      await check(`${node}: tidemill version`, () => checkVersion(place));
      await check(`${node}: tidemill lint`, async () => {
        await run(place, ["npx", "--no-install", "tidemill", "lint", (await helloManifest(folder)).path]);
      });
      await check(`${node}: tidemill run takes an event, logs it, calls functions and ends cleanly`, () =>
        checkRun(place),
      );
      await check(`${node}: the library and the connector kit can be imported`, () => checkImports(place));
    }
  } finally {
    await rm(work, { recursive: true, force: true });
  }
  if (failed.length > 0) say(`package-check: ${failed.length} failed: ${failed.join("; ")}`);
  return failed.length === 0 ? 0 : 1;
}

process.exitCode = await main();
