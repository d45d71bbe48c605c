import { mkdir, mkdtemp, rename, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { until } from "../../test/until.ts";
import { Watch } from "./watch.ts";

/** Watches a fresh folder; `changes` is how often it was told of one. */
async function watching(paths: readonly string[], prepare?: (at: (name: string) => string) => Promise<unknown>) {
  const folder = await mkdtemp(join(tmpdir(), "tidemill-watch-"));
  const at = (name: string): string => join(folder, name);
  await mkdir(at("m"));
  await mkdir(at("secrets"));
  await writeFile(at("m/a.yaml"), "1");
  await prepare?.(at);
  let changes = 0;
  const watch = new Watch({
    manifests: paths.map(at),
    values: [at("secrets")],
    changed: () => {
      changes += 1;
    },
    failed: (what, error) => {
      throw new Error(`${what}: ${error}`);
    },
  });
  onTestFinished(async () => {
    watch[Symbol.dispose]();
    await rm(folder, { recursive: true, force: true });
  });
  await watch.refresh();
  return {
    at,
    /** Does something, and waits until it is told of, once. */
    async told(what: () => Promise<unknown>): Promise<void> {
      const before = changes;
      await what();
      await until("it is told", () => changes === before + 1);
    },
    changes: () => changes,
  };
}

test("a file that is written, replaced by a rename, made, or removed is a change, and many at once are one", async () => {
  const { at, told } = await watching(["m"]);
  await told(() => writeFile(at("m/a.yaml"), "2"));
  await told(async () => {
    await writeFile(at("m/.a.yaml.swp"), "3");
    await rename(at("m/.a.yaml.swp"), at("m/a.yaml"));
    await writeFile(at("m/b.yaml"), "1");
  });
  await told(() => rm(at("m/b.yaml")));
});

test("folders that come later are watched too, and a file that is named itself", async () => {
  const { at, told } = await watching(["m", "named.conf"], (path) => writeFile(path("named.conf"), "1"));
  await told(() => mkdir(at("m/deep")));
  await told(() => writeFile(at("m/deep/c.yaml"), "1"));
  await told(() => writeFile(at("named.conf"), "2"));
});

test("links that are swapped are a change, and so is a value of any name", async () => {
  const { at, told } = await watching(["m"], async (path) => {
    await mkdir(path("m/..v1"));
    await mkdir(path("m/..v2"));
    for (const version of ["..v1", "..v2"]) await writeFile(path(`m/${version}/s.yaml`), version);
    await symlink("..v1", path("m/..data"));
    await symlink("..data/s.yaml", path("m/s.yaml"));
  });
  await told(async () => {
    await symlink("..v2", at("m/..tmp"));
    await rename(at("m/..tmp"), at("m/..data"));
  });
  await told(() => writeFile(at("m/..v2/s.yaml"), "3"));
  await told(() => mkdir(at("secrets/auth")));
  await told(() => writeFile(at("secrets/auth/token"), "1"));
  await told(() => writeFile(at("secrets/auth/token"), "2"));
});

test("a log beside the manifests is not: a reload that writes a line would make the next", async () => {
  const { at, told, changes } = await watching(["m"], (path) => writeFile(path("m/tidemill.log"), ""));
  await writeFile(at("m/tidemill.log"), "a line");
  await writeFile(at("m/.hidden.yaml"), "1");
  await told(() => writeFile(at("m/a.yaml"), "2"));
  expect(changes()).toBe(1);
});
