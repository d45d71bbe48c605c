import {
  appendFileSync,
  createReadStream,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import path from "node:path";
import { adopt, readExit, signalGroup, start } from "../processes.ts";

/**
 * For tests: as much of docker's command line as jobs need, with processes in the place of containers. Its first argument
 * is the folder of its "engine": `calls.jsonl` gets the arguments of each call, `away` makes it unreachable, `slow` lets
 * `run` hang when the container is made and not started, `images` has a JSON file per image, `registry` those to pull. What it does not know it refuses, as docker would.
 */
const [engine = "", verb = "", ...rest] = process.argv.slice(2);

interface Box {
  readonly id: string;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly createdOnly?: boolean;
  /** Not shown by `ps` before the next `run`: as if it was made only then. */
  readonly hiddenUntilRun?: boolean;
}

interface Image {
  readonly entrypoint?: readonly string[];
  readonly cmd?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

class Refusal extends Error {
  readonly exitCode: number;
  constructor(exitCode: number, message: string) {
    super(message);
    this.exitCode = exitCode;
  }
}

/** Options of `run` that take a value, all written as one argument. */
const runOptions = new Set(
  `pull name label log-driver log-opt network hostname add-host cpus memory memory-swap user group-add security-opt
  cap-drop cap-add mount env workdir entrypoint`.split(/\s+/),
);
const runFlags = new Set(["--detach", "--privileged", "--read-only", "--tty"]);

const boxes = path.join(engine, "boxes");
const filesOf = (id: string) => path.join(boxes, id);
const say = (text: string) => process.stdout.write(`${text}\n`);

function all(): readonly Box[] {
  return readdirSync(boxes)
    .filter((name) => name.endsWith(".json"))
    .map((name) => JSON.parse(readFileSync(path.join(boxes, name), "utf8")) as Box);
}

function find(name: string): Box {
  const box = all().find((one) => one.id === name || one.name === name);
  if (box === undefined) throw new Refusal(1, `Error response from daemon: No such container: ${name}`);
  return box;
}

function imageOf(name: string): Image | undefined {
  const file = path.join(engine, "images", `${encodeURIComponent(name)}.json`);
  return existsSync(file) ? (JSON.parse(readFileSync(file, "utf8")) as Image) : undefined;
}

/** What is before the first `=`, and what is behind it, where there is one. */
function halves(text: string): readonly string[] {
  const at = text.indexOf("=");
  return at < 0 ? [text] : [text.slice(0, at), text.slice(at + 1)];
}

function noImage(name: string): Image {
  throw new Refusal(125, `docker: Error response from daemon: No such image: ${name}`);
}

async function run(): Promise<void> {
  const options = new Map<string, string[]>();
  let at = 0;
  for (; rest[at]?.startsWith("-"); at++) {
    const option = rest[at] ?? "";
    const [left = "", value = ""] = halves(option);
    const name = left.slice(2);
    if (!runFlags.has(option) && !runOptions.has(name)) throw new Refusal(125, `unknown flag: ${option}`);
    options.set(name, [...(options.get(name) ?? []), value]);
  }
  const [imageName = "", ...args] = rest.slice(at);
  const image = imageOf(imageName) ?? noImage(imageName);
  const [name = ""] = options.get("name") ?? [];
  const beside = options.get("network")?.[0]?.replace(/^container:/, "");
  const same = all().find((box) => box.name === name);
  if (same !== undefined) {
    writeFileSync(`${filesOf(same.id)}.json`, JSON.stringify({ ...same, hiddenUntilRun: false }));
    throw new Refusal(
      125,
      `docker: Error response from daemon: Conflict. The container name "/${name}" is already in use`,
    );
  }
  if (beside?.startsWith("tidemill-") && stateOf(find(beside)).Status === "exited") {
    throw new Refusal(
      125,
      `docker: Error response from daemon: cannot join network of a non running container: ${beside}`,
    );
  }
  const id = [...name]
    .map((c) => c.charCodeAt(0).toString(16))
    .join("")
    .slice(-64)
    .padStart(64, "0");
  const env = (options.get("env") ?? []).map((text): [string, string] => {
    const [key = "", value] = halves(text);
    return [key, value ?? process.env[key] ?? ""];
  });
  const labels = Object.fromEntries((options.get("label") ?? []).map((text) => text.split("=")));
  writeFileSync(
    `${filesOf(id)}.json`,
    JSON.stringify({ id, name, labels, createdOnly: existsSync(path.join(engine, "slow")) }),
  );
  const entry = options.get("entrypoint") ?? image.entrypoint ?? [];
  const words = args.length === 0 && options.get("entrypoint") === undefined ? (image.cmd ?? []) : args;
  const [command = "", ...more] = [...entry, ...words];
  while (existsSync(path.join(engine, "slow"))) await new Promise((resolve) => setTimeout(resolve, 20));
  const started = await start({
    command,
    args: more,
    folder: path.join(engine, "root"),
    env: { PATH: process.env.PATH ?? "", ...image.env, ...Object.fromEntries(env) },
    files: filesOf(id),
  });
  if (!("ended" in started)) {
    throw new Refusal(started.exitCode, `docker: Error response from daemon: failed to create task: ${started.reason}`);
  }
  say(id);
}

function stateOf({ id, createdOnly }: Box) {
  const exit = existsSync(`${filesOf(id)}.exit`) ? Number(readFileSync(`${filesOf(id)}.exit`, "utf8")) : undefined;
  const Status = exit !== undefined ? "exited" : createdOnly === true ? "created" : "running";
  return { Status, ExitCode: exit ?? 0, OOMKilled: existsSync(`${filesOf(id)}.oom`), Error: "" };
}

function pidOf({ id }: Box): number {
  return Number(readFileSync(`${filesOf(id)}.pid`, "utf8"));
}

async function ended(box: Box): Promise<number> {
  return (await readExit(filesOf(box.id))) ?? (await adopt(pidOf(box), filesOf(box.id)).ended) ?? 137;
}

async function stop(box: Box, seconds: number): Promise<void> {
  const over = ended(box);
  signalGroup(pidOf(box), "SIGTERM");
  await Promise.race([over, new Promise((resolve) => setTimeout(resolve, seconds * 1000))]);
  if (!existsSync(`${filesOf(box.id)}.exit`)) writeFileSync(`${filesOf(box.id)}.exit`, "137\n");
  signalGroup(pidOf(box), "SIGKILL");
}

async function logs(box: Box): Promise<void> {
  let over = false;
  const done = ended(box).then(() => {
    over = true;
  });
  let from = 0;
  for (;;) {
    const last = over;
    for await (const chunk of createReadStream(`${filesOf(box.id)}.log`, { start: from })) {
      from += (chunk as Buffer).length;
      process.stdout.write(chunk as Buffer);
    }
    if (last) return;
    await Promise.race([done, new Promise((resolve) => setTimeout(resolve, 20))]);
  }
}

function remove(names: readonly string[]): void {
  for (const name of names.filter((one) => !one.startsWith("--"))) {
    const box = all().find((one) => one.id === name || one.name === name);
    if (box === undefined) continue;
    if (existsSync(`${filesOf(box.id)}.pid`) && stateOf(box).Status === "running") signalGroup(pidOf(box), "SIGKILL");
    for (const ending of ["json", "pid", "exit", "log", "oom"]) rmSync(`${filesOf(box.id)}.${ending}`, { force: true });
  }
}

function ps(): void {
  const wanted = rest.filter((one) => one.startsWith("--filter=label=")).map((one) => one.slice(15).split("="));
  for (const { id, labels, hiddenUntilRun } of all()) {
    if (hiddenUntilRun === true) continue;
    if (wanted.every(([key = "", value]) => key in labels && (value === undefined || labels[key] === value))) say(id);
  }
}

function inspect(names: readonly string[]): void {
  const known = all().filter(({ id, name }) => names.includes(id) || names.includes(name));
  say(JSON.stringify(known.map((box) => ({ Id: box.id, State: stateOf(box), Config: { Labels: box.labels } }))));
  if (known.length < names.length) throw new Refusal(1, "Error response from daemon: No such container");
}

function pull(name: string): void {
  const file = path.join(engine, "registry", `${encodeURIComponent(name)}.json`);
  if (name.startsWith("private/")) {
    throw new Refusal(
      1,
      `Error response from daemon: pull access denied for ${name}, repository does not exist or may require 'docker login'`,
    );
  }
  if (!existsSync(file))
    throw new Refusal(1, `Error response from daemon: manifest for ${name} not found: manifest unknown`);
  writeFileSync(path.join(engine, "images", `${encodeURIComponent(name)}.json`), readFileSync(file));
}

async function obey(): Promise<void> {
  if (verb === "--version") return void say("Docker version 28.0.0, build double");
  if (existsSync(path.join(engine, "away"))) {
    const why = "Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?";
    throw new Refusal(verb === "run" ? 125 : 1, why);
  }
  const last = rest.at(-1) ?? "";
  if (verb === "version") say("Server: double");
  else if (verb === "run") await run();
  else if (verb === "ps") ps();
  else if (verb === "wait") say(String(await ended(find(last))));
  else if (verb === "logs") await logs(find(last));
  else if (verb === "stop") await stop(find(last), Number(rest[1]));
  else if (verb === "kill") await stop(find(last), 0);
  else if (verb === "rm") remove(rest);
  else if (verb === "pull") pull(last);
  else if (verb === "start") await startCreated(find(last));
  else if (verb === "container" && rest[0] === "inspect") inspect(rest.slice(1));
  else if (verb === "image" && rest[0] === "inspect") say(JSON.stringify(imageOf(last) ?? noImage(last)));
  else if (verb === "volume") say(rest[0] === "create" ? last : "");
  else throw new Refusal(125, `docker: '${verb}' is not a docker command.`);
}

/** What a `run` that hung had made; in this engine it runs `true`. */
async function startCreated(box: Box): Promise<void> {
  writeFileSync(`${filesOf(box.id)}.json`, JSON.stringify({ ...box, createdOnly: false }));
  await start({
    command: "true",
    args: [],
    folder: engine,
    env: { PATH: process.env.PATH ?? "" },
    files: filesOf(box.id),
  });
}

for (const folder of [boxes, path.join(engine, "images"), path.join(engine, "registry"), path.join(engine, "root")]) {
  mkdirSync(folder, { recursive: true });
}
appendFileSync(path.join(engine, "calls.jsonl"), `${JSON.stringify([verb, ...rest])}\n`);
try {
  await obey();
  process.exitCode = 0;
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = error instanceof Refusal ? error.exitCode : 1;
}
// what it started goes on without it
process.stdout.write("", () => process.exit());
