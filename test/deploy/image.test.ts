import { spawn, spawnSync } from "node:child_process";
import { constants, existsSync } from "node:fs";
import { chmod, chown, copyFile, cp, mkdir, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { temporaryFolder } from "../servers/folder.ts";
import { findProgram } from "../servers/recipes.ts";
import { freePort } from "../servers/server.ts";
import { helloOn } from "../tidemill.ts";
import { until } from "../until.ts";
import { type Instruction, readDockerfile, variablesOf } from "./dockerfile.ts";
import { deploy, root } from "./files.ts";

/*
 * No engine builds the image here. What can be wrong in it without one is looked for in its instructions; and its steps
 * are taken by hand in a folder, whose tidemill then runs as the image's does: as its user, as process 1, without any
 * capability, on a root file system that is read-only but for the data.
 */

const instructions = readDockerfile(await readFile(join(deploy, "Dockerfile"), "utf8"));
const lastStage = Math.max(...instructions.map(({ stage }) => stage));
const of = (word: string, stage?: number): readonly Instruction[] =>
  instructions.filter((one) => one.word === word && (stage === undefined || one.stage === stage));
const only = (word: string): string => {
  const [found, ...more] = of(word, lastStage);
  expect(more).toEqual([]);
  return found?.text ?? expect.fail(`the last stage has no ${word}`);
};
const argumentsOf = (word: string): readonly string[] => JSON.parse(only(word)) as string[];

describe("the Dockerfile", () => {
  test("begins each stage with the Node that the repository is tested with, by its full version and public name", async () => {
    const { devDependencies } = JSON.parse(await readFile(join(root, "package.json"), "utf8")) as {
      readonly devDependencies: Readonly<Record<string, string>>;
    };
    const bases = of("FROM").map(({ text }) => text.split(" ")[0]);
    expect(new Set(bases)).toEqual(new Set([`node:${devDependencies.node}-bookworm-slim`]));
    expect(of("FROM")).toHaveLength(3);
  });

  test("ends as a user that is a number and not root, after everything that needs root", () => {
    expect(only("USER")).toMatch(/^[1-9]\d{3,}:[1-9]\d{3,}$/);
    const after = instructions.slice(instructions.findIndex(({ word }) => word === "USER"));
    expect(after.filter(({ word }) => word === "RUN" || word === "COPY")).toEqual([]);
  });

  test("takes nothing from an address, and holds no secret", () => {
    expect(of("ADD")).toEqual([]);
    expect(instructions.filter(({ word, text }) => word === "RUN" && /\b(curl|wget)\b|https?:/.test(text))).toEqual([]);
    const variables = [...of("ARG"), ...of("ENV")].flatMap(({ text }) => Object.keys(variablesOf(text)));
    expect(variables.filter((name) => /TOKEN|PASSWORD|SECRET|KEY/i.test(name))).toEqual([]);
  });

  test("starts tidemill without a shell, which would keep signals to itself", () => {
    expect(argumentsOf("ENTRYPOINT")).toEqual(["tidemill"]);
    expect(argumentsOf("CMD")[0]).toBe("run");
    expect(only("STOPSIGNAL")).toBe("SIGTERM");
    expect(only("HEALTHCHECK")).toMatch(/CMD \["node", "-e", ".*\/livez/);
  });

  test("copies only what is there, and .dockerignore lets through", async () => {
    const ignore = (await readFile(join(root, ".dockerignore"), "utf8"))
      .split("\n")
      .filter((line) => !/^#|^$/.test(line));
    expect(ignore[0]).toBe("*");
    const through = ignore.filter((line) => line.startsWith("!")).map((line) => line.slice(1));
    expect(through.filter((name) => !existsSync(join(root, name)))).toEqual([]);
    const named = of("COPY")
      .filter(({ text }) => !text.startsWith("--from"))
      .flatMap(({ text }) => text.split(" ").slice(0, -1));
    expect(named.filter((name) => name !== "." && !through.includes(name))).toEqual([]);
    // the last stage has nothing of the context, only what was installed
    expect(of("COPY", lastStage).map(({ text }) => text)).toEqual(["--from=installed /app /app"]);
  });
});

interface Image {
  readonly folder: string;
  readonly app: string;
  readonly bin: string;
}

const quiet = {
  ...process.env,
  npm_config_fund: "false",
  npm_config_audit: "false",
  npm_config_prefer_offline: "true",
};

/** Runs the text of a RUN in a folder; paths of the image become paths below `folder`. */
function step({ text }: Instruction, { folder, cwd }: { readonly folder: string; readonly cwd: string }): void {
  const here = text.replaceAll("/tmp/", `${folder}/tmp/`).replace(/\/tmp$/, `${folder}/tmp`);
  const args = Object.assign({}, ...of("ARG").map((one) => variablesOf(one.text))) as Readonly<Record<string, string>>;
  const path = `${join(folder, "bin")}:${process.env.PATH}`;
  const { status, stderr, stdout } = spawnSync("sh", ["-ec", here], {
    cwd,
    env: { ...quiet, ...args, PATH: path },
    encoding: "utf8",
  });
  expect(status, `${here}\n${stdout}\n${stderr}`).toBe(0);
}

/** What the three stages do, below a folder that everybody may read. */
async function build(): Promise<Image> {
  const folder = await temporaryFolder("image");
  const [sources, app, bin] = ["build", "app", "bin"].map((name) => join(folder, name)) as [string, string, string];
  for (const name of [sources, app, bin, join(folder, "tmp")]) await mkdir(name);
  await chmod(folder, 0o755);
  await copyFile(process.execPath, join(bin, "node"), constants.COPYFILE_FICLONE);
  const through = (await readFile(join(root, ".dockerignore"), "utf8")).match(/(?<=^!).+/gm) ?? [];
  for (const name of through) await cp(join(root, name), join(sources, name), { recursive: true });
  // `npm ci` of all is the first step of whoever runs this
  await symlink(join(root, "node_modules"), join(sources, "node_modules"));
  const [, pack] = of("RUN", 0);
  step(pack ?? expect.fail("no build"), { folder, cwd: sources });
  for (const name of ["package.json", "package-lock.json", ".npmrc"]) await cp(join(root, name), join(app, name));
  for (const run of of("RUN", 1)) step(run, { folder, cwd: app });
  // of the last stage's step, what is not removing parts of the base
  const [, from = "", name = ""] = /ln -s (\S+) \/usr\/local\/bin\/(\S+)/.exec(only("RUN")) ?? [];
  await symlink(from.replace("/app", app), join(bin, name));
  return { folder, app, bin };
}

const unshare = findProgram("unshare") ?? "";

/** Whether this process may make namespaces and mount in them. */
function mayIsolate(): boolean {
  if (process.getuid?.() !== 0 || unshare === "") return false;
  return spawnSync(unshare, ["--mount", "--pid", "--fork", "mount", "--make-rprivate", "/"]).status === 0;
}

const isolates = mayIsolate();
if (!isolates) process.stderr.write("SKIPPED: the image's steps by hand, which needs root, unshare and mount\n");

describe.skipIf(!isolates)("what the image's steps make", () => {
  let image: Image = { folder: "", app: "", bin: "" };

  beforeAll(async () => {
    image = await build();
  }, 300_000);

  afterAll(async () => {
    if (image.folder !== "") await rm(image.folder, { recursive: true, force: true });
  });

  test("is the package and its dependencies, in the locked versions, and no tool or test", async () => {
    const installed = await readdir(image.app);
    expect(installed.sort()).toEqual(["CHANGELOG.md", "LICENSE", "README.md", "dist", "node_modules", "package.json"]);
    interface Locked {
      readonly packages: Readonly<Record<string, { readonly version?: string }>>;
    }
    const readLock = async (path: string): Promise<Locked> => JSON.parse(await readFile(path, "utf8")) as Locked;
    const wanted = (await readLock(join(root, "package-lock.json"))).packages;
    const got = (await readLock(join(image.app, "node_modules", ".package-lock.json"))).packages;
    for (const [name, { version }] of Object.entries(got)) expect(version, name).toBe(wanted[name]?.version);
    const { peerDependencies } = JSON.parse(await readFile(join(root, "package.json"), "utf8")) as {
      readonly peerDependencies: Readonly<Record<string, string>>;
    };
    for (const name of Object.keys(peerDependencies)) expect(got[`node_modules/${name}`], name).toBeDefined();
    for (const name of ["vitest", "typescript", "node"]) expect(got[`node_modules/${name}`], name).toBeUndefined();
  });

  test("runs as the image's user and process 1 on a read-only root, is healthy, takes an event and ends on SIGTERM", async () => {
    const { folder, app, bin } = image;
    const [uid = 0, gid = 0] = only("USER").split(":").map(Number);
    const data = join(folder, "data");
    await mkdir(data, { mode: 0o700 });
    await chown(data, uid, gid);
    const port = await freePort();
    const metrics = await freePort();
    await mkdir(join(folder, "manifests"));
    await writeFile(join(folder, "manifests", "hello.yaml"), await helloOn(port));
    const placed = (text: string): string =>
      text
        .replaceAll("/data", data)
        .replace(/^\/manifests/, join(folder, "manifests"))
        .replaceAll("0.0.0.0", "127.0.0.1")
        .replaceAll("7777", String(metrics));
    const env = Object.fromEntries(
      Object.entries(variablesOf(only("ENV"))).map(([name, value]) => [name, placed(value)]),
    );
    const plain = [
      "setpriv",
      `--reuid=${uid}`,
      `--regid=${gid}`,
      "--clear-groups",
      "--no-new-privs",
      "--bounding-set=-all",
    ];
    // exits with 97 when the root could be written after all
    const readOnly = `mount --make-rprivate / && mount --bind "$0" "$0" && mount -o remount,bind,ro / &&
      mount -t proc proc /proc && if touch "${app}/x" 2>/dev/null; then exit 97; fi && cd "$0" && exec "$@"`;
    const command = [...argumentsOf("ENTRYPOINT"), ...argumentsOf("CMD").map(placed), "--admin", "127.0.0.1:0"];
    const child = spawn(
      unshare,
      ["--mount", "--pid", "--fork", "--kill-child", "sh", "-c", readOnly, data, ...plain, ...command],
      { env: { ...env, PATH: `${bin}:/usr/bin:/bin:/usr/sbin:/sbin` }, stdio: ["ignore", "pipe", "pipe"] },
    );
    let output = "";
    for (const stream of [child.stdout, child.stderr])
      stream.on("data", (chunk: Buffer) => (output += chunk.toString()));
    const ended = new Promise<number | null>((gone) => child.once("close", gone));
    try {
      const check = JSON.parse(only("HEALTHCHECK").replace(/^.*?CMD /, "")) as string[];
      const healthy = () => spawnSync(join(bin, "node"), check.slice(1).map(placed)).status === 0;
      expect(healthy()).toBe(false);
      await Promise.race([
        until("it is healthy", healthy, { everyMs: 100, timeoutMs: 60_000 }),
        ended.then((code) => expect.fail(`it ended with ${code}\n${output}`)),
      ]);
      const answer = await until("the webhook takes an event", async () => {
        const { status } = await fetch(`http://127.0.0.1:${port}/hello`, {
          method: "POST",
          headers: { "Content-Type": "application/json" },
          body: '{"name":"ada"}',
        });
        return status === 200;
      });
      expect(answer).toBe(true);
      const [first = 0] = (await readFile(`/proc/${child.pid}/task/${child.pid}/children`, "utf8"))
        .split(" ")
        .map(Number);
      const status = await readFile(`/proc/${first}/status`, "utf8");
      expect(status).toMatch(/^NSpid:\s+\d+\s+1$/m);
      expect(status).toMatch(new RegExp(`^Uid:\\s+${uid}\\s+${uid}\\s+${uid}\\s+${uid}$`, "m"));
      expect(status).toMatch(/^CapEff:\s+0+$/m);
      // the name of the program: Node itself, no shell before it
      expect(await readFile(`/proc/${first}/comm`, "utf8")).toMatch(/^(node|MainThread)\n$/);
      process.kill(first, "SIGTERM");
      expect(await ended, output).toBe(0);
    } finally {
      child.kill("SIGKILL");
      await ended;
    }
    expect(output).not.toMatch(/EROFS|EACCES|"log.level":"(error|fatal)"/);
    expect((await readdir(data)).sort()).toEqual(expect.arrayContaining(["bus", "record.sqlite"]));
  }, 120_000);
});
