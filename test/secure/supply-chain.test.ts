import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { z } from "zod";
import { readLocked } from "../../scripts/sbom-packages.ts";

/* What tidemill is made of besides its own code: few, pinned, each with a reason, and under licences that ask little. */

const root = new URL("../../", import.meta.url);
const text = (name: string): Promise<string> => readFile(new URL(name, root), "utf8");
const versions = z.record(z.string(), z.string());
const manifest = z.object({
  dependencies: versions,
  devDependencies: versions,
  peerDependencies: versions,
  peerDependenciesMeta: z.record(z.string(), z.object({ optional: z.boolean() })),
  allowScripts: z.record(z.string(), z.boolean()),
});
const readManifest = async () => manifest.parse(JSON.parse(await text("package.json")));

/** `@a/x-{b,c}-{d,e}` are four names. */
function unfolded(name: string): readonly string[] {
  const [, before = "", choices, after = ""] = /^([^{]*)\{([^}]*)\}(.*)$/.exec(name) ?? [];
  if (choices === undefined) return [name];
  return choices.split(",").flatMap((choice) => unfolded(before + choice + after));
}

test("each package has a line that says why it is there", async () => {
  const { dependencies, devDependencies, peerDependencies } = await readManifest();
  const decision = await text("docs/decisions/0004-dependencies.md");
  const named = new Set([...decision.matchAll(/`([^`\s]+)`/g)].flatMap(([, name = ""]) => unfolded(name)));
  const used = Object.keys({ ...dependencies, ...devDependencies, ...peerDependencies });
  expect(used.filter((name) => !named.has(name))).toEqual([]);
});

test("each has one exact version, and the peers are optional", async () => {
  const { dependencies, devDependencies, peerDependencies, peerDependenciesMeta } = await readManifest();
  for (const [name, version] of Object.entries({ ...dependencies, ...devDependencies })) {
    expect([name, version]).toEqual([name, expect.stringMatching(/^\d+\.\d+\.\d+(-[\w.]+)?$/)]);
  }
  for (const name of Object.keys(peerDependencies)) {
    expect([name, peerDependenciesMeta[name]?.optional, name in devDependencies]).toEqual([name, true, true]);
  }
});

test("what is installed with tidemill is few, and none of it may run a script at its installation", async () => {
  const { allowScripts } = await readManifest();
  const core = readLocked().packages.filter(({ role }) => role === "core");
  expect(core.length).toBeLessThan(100);
  const allowed = core.filter(({ name }) => allowScripts[name] === true).map(({ name }) => name);
  const undecided = core.filter(({ name, scripts }) => scripts && !(name in allowScripts)).map(({ name }) => name);
  expect([allowed, undecided]).toEqual([[], []]);
});

test("what is installed with tidemill is the bytes that were tested: each package has its digest", () => {
  const core = readLocked().packages.filter(({ role }) => role === "core");
  // of four binaries for other systems none was at hand; npm takes what the registry says of them
  const ofOthers = /-extract-(darwin|win32|linux-arm$)/;
  const loose = core.filter(({ name, integrity }) => integrity === undefined && !ofOthers.test(name));
  expect(loose.map(({ name }) => name)).toEqual([]);
});

const run = promisify(execFile);
const script = (name: string, ...args: string[]) =>
  run(process.execPath, [fileURLToPath(new URL(`scripts/${name}`, root)), ...args], { maxBuffer: 64 * 1024 * 1024 });

test("the page of licences is as it would be written, and none asks more than to be named", async () => {
  await expect(script("licences.ts", "--check")).resolves.toMatchObject({ stderr: "" });
});

test("the bill of materials names each package once, with its licence, and the same each time", async () => {
  const { stdout } = await script("sbom.ts");
  expect((await script("sbom.ts")).stdout).toBe(stdout);
  const bom = z
    .object({
      bomFormat: z.literal("CycloneDX"),
      components: z.array(z.object({ purl: z.string(), version: z.string(), licenses: z.array(z.unknown()).min(1) })),
      dependencies: z.array(z.object({ ref: z.string(), dependsOn: z.array(z.string()) })),
    })
    .parse(JSON.parse(stdout));
  const purls = bom.components.map(({ purl }) => purl);
  expect(new Set(purls).size).toBe(purls.length);
  const { dependencies } = await readManifest();
  for (const [name, version] of Object.entries(dependencies)) {
    expect(purls).toContain(`pkg:npm/${name.replace("@", "%40")}@${version}`);
  }
  const known = new Set(bom.dependencies.map(({ ref }) => ref));
  for (const { dependsOn } of bom.dependencies) for (const ref of dependsOn) expect(known).toContain(ref);
});
