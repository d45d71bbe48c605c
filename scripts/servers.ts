import { spawn, spawnSync } from "node:child_process";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { fileURLToPath } from "node:url";
import {
  available,
  cacheFolder,
  findProgram,
  madeFolder,
  type Recipe,
  recipes,
  type ServerName,
  stampFile,
  stampOf,
} from "../test/servers/recipes.ts";

/*
 * npm run servers [-- NAME…]: installs the real servers of the tests that are not yet on this machine; all of them
 * without a name. System packages come from apt (as root, or through sudo), Python programs go into a cache outside
 * the checkout, and so do Go programs, which are built here, and the jars of Java programs. When everything is there it ends at once.
 */

const say = (text: string) => process.stdout.write(`${text}\n`);

/** Runs a program without a terminal; its output is shown only if it fails. */
async function run(
  program: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<void> {
  const child = spawn(program, args, {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, DEBIAN_FRONTEND: "noninteractive", PIP_DISABLE_PIP_VERSION_CHECK: "1", ...env },
  });
  const output: Buffer[] = [];
  child.stdout.on("data", (chunk: Buffer) => output.push(chunk));
  child.stderr.on("data", (chunk: Buffer) => output.push(chunk));
  const code = await new Promise<number | null>((ended, failed) => {
    child.once("close", ended);
    child.once("error", failed);
  });
  if (code === 0) return;
  const end = Buffer.concat(output).toString().trimEnd().split("\n").slice(-30).join("\n");
  throw new Error(`${[program, ...args].join(" ")} failed (${code}):\n${end}`);
}

async function installPackages(packages: readonly string[]): Promise<void> {
  if (packages.length === 0) return;
  if (findProgram("apt-get") === undefined) {
    throw new Error(`this machine has no apt-get; install by hand what is called here: ${packages.join(", ")}`);
  }
  const root = process.getuid?.() === 0;
  if (!root && findProgram("sudo") === undefined) {
    throw new Error(`not root and no sudo; as root: apt-get install -y --no-install-recommends ${packages.join(" ")}`);
  }
  const asRoot = (...args: readonly string[]) =>
    // the variable is given to env, for sudo does not hand on the environment
    root ? run("apt-get", args) : run("sudo", ["-n", "env", "DEBIAN_FRONTEND=noninteractive", "apt-get", ...args]);
  say(`apt: ${packages.join(", ")}`);
  await asRoot("update", "-qq");
  await asRoot("install", "-y", "-qq", "--no-install-recommends", ...packages);
}

async function makeVenv(name: ServerName, recipe: Recipe & { readonly kind: "venv" }): Promise<void> {
  const folder = madeFolder(name);
  say(`${name}: a Python venv in ${folder}`);
  await rm(folder, { recursive: true, force: true });
  await mkdir(cacheFolder(), { recursive: true });
  await run("python3", ["-m", "venv", folder]);
  const file = join(folder, "requirements.txt");
  await writeFile(file, recipe.requirements());
  await run(join(folder, "bin", "pip"), ["install", "--quiet", "--requirement", file]);
  // last: a venv without it is not complete, and is made anew
  await writeFile(stampFile(name), stampOf(recipe));
}

async function buildGo(name: ServerName, recipe: Recipe & { readonly kind: "go" }): Promise<void> {
  const folder = madeFolder(name);
  if (findProgram("go") === undefined) throw new Error(`${name} is built with Go (1.24 or later), which is not here`);
  say(`${name}: a Go program in ${folder}; the first build takes minutes`);
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  if (typeof recipe.from === "string") await run("go", ["install", recipe.from], { GOBIN: folder });
  else {
    const module = fileURLToPath(recipe.from);
    await run("go", ["-C", module, "build", "-mod=readonly", "-o", join(folder, recipe.program), "."]);
  }
  await writeFile(stampFile(name), stampOf(recipe));
}

async function copyJars(name: ServerName, recipe: Recipe & { readonly kind: "maven" }): Promise<void> {
  const folder = madeFolder(name);
  say(`${name}: jars in ${folder}`);
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  const pom = fileURLToPath(new URL("pom.xml", recipe.from));
  const copy = ["dependency:copy-dependencies", `-DoutputDirectory=${folder}`, "-DincludeScope=runtime"];
  await run("mvn", ["-q", "-B", "-f", pom, ...copy]);
  await writeFile(stampFile(name), stampOf(recipe));
}

/** What Java programs need, where it is not there: any Java from 17 on will do. */
function javaPackages(): readonly string[] {
  const java = findProgram("java") === undefined ? ["default-jdk-headless"] : [];
  return findProgram("mvn") === undefined ? [...java, "maven"] : java;
}

/** Debian's python3 has no ensurepip of its own. */
function pythonPackages(): readonly string[] {
  const found = findProgram("python3") !== undefined;
  const complete = found && spawnSync("python3", ["-c", "import ensurepip, venv"]).status === 0;
  return complete ? [] : ["python3", "python3-venv"];
}

const complain = (error: unknown) =>
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);

/** One that cannot be made is told, and does not stop the others. */
async function make({ name, recipe }: { readonly name: ServerName; readonly recipe: Recipe }): Promise<void> {
  try {
    if (recipe.kind === "venv") await makeVenv(name, recipe);
    if (recipe.kind === "go") await buildGo(name, recipe);
    if (recipe.kind === "maven") await copyJars(name, recipe);
  } catch (error) {
    complain(error);
  }
}

const isName = (name: string): name is ServerName => Object.hasOwn(recipes, name);

async function main(args: readonly string[]): Promise<number> {
  const unknown = args.filter((name) => !isName(name));
  if (unknown.length > 0) {
    process.stderr.write(`no such server: ${unknown.join(", ")}; there are: ${Object.keys(recipes).join(", ")}\n`);
    return 2;
  }
  const wanted = args.length > 0 ? args.filter(isName) : Object.keys(recipes).filter(isName);
  const missing = wanted.filter((name) => !available(name).ok);
  const started = performance.now();
  try {
    const plan = missing.map((name): { name: ServerName; recipe: Recipe } => ({ name, recipe: recipes[name] }));
    const packages = plan.flatMap(({ recipe }) => (recipe.kind === "apt" ? recipe.packages : []));
    const python = plan.some(({ recipe }) => recipe.kind === "venv") ? pythonPackages() : [];
    const java = plan.some(({ recipe }) => recipe.kind === "maven") ? javaPackages() : [];
    await installPackages([...packages, ...python, ...java]);
    for (const one of plan) await make(one);
  } catch (error) {
    complain(error);
    return 1;
  }
  const still = wanted.filter((name) => !available(name).ok);
  for (const name of wanted) say(`${name}: ${still.includes(name) ? "MISSING" : "ok"}`);
  if (missing.length > 0) say(`installed in ${Math.round((performance.now() - started) / 1000)} s`);
  return still.length === 0 ? 0 : 1;
}

process.exitCode = await main(process.argv.slice(2));
