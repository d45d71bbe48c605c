import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { z } from "zod";

/* The packages of package-lock.json: what `npm ci` installs, on every platform, whether it is installed here or not. */

const entry = z.object({
  version: z.string().optional(),
  resolved: z.string().optional(),
  integrity: z.string().optional(),
  license: z.string().optional(),
  dev: z.boolean().optional(),
  devOptional: z.boolean().optional(),
  optional: z.boolean().optional(),
  hasInstallScript: z.boolean().optional(),
  dependencies: z.record(z.string(), z.string()).optional(),
  optionalDependencies: z.record(z.string(), z.string()).optional(),
  devDependencies: z.record(z.string(), z.string()).optional(),
  peerDependencies: z.record(z.string(), z.string()).optional(),
});

const lock = z.object({ lockfileVersion: z.literal(3), packages: z.record(z.string(), entry) });

type Entry = z.infer<typeof entry>;

/** Who gets it: everybody, who asks for an optional peer, or who develops tidemill. */
export type Role = "core" | "peer" | "development";

export interface LockedPackage {
  /** Where it lies: `node_modules/ajv/node_modules/fast-uri`. */
  readonly path: string;
  readonly name: string;
  readonly version: string;
  /** SPDX; undefined where neither it nor the package that brings it for this platform says. */
  readonly licence: string | undefined;
  readonly role: Role;
  /** The paths of what it needs. */
  readonly needs: readonly string[];
  /** It wants to run a script when it is installed. */
  readonly scripts: boolean;
  /** `sha512-…` in base64, as npm checks it. */
  readonly integrity: string | undefined;
}

/** The package itself, and what it needs directly. */
export interface Locked {
  readonly name: string;
  readonly version: string;
  readonly licence: string;
  readonly needs: readonly string[];
  readonly packages: readonly LockedPackage[];
}

export function readLocked(): Locked {
  const read = (name: string): unknown =>
    JSON.parse(readFileSync(fileURLToPath(new URL(`../${name}`, import.meta.url)), "utf8"));
  const { packages } = lock.parse(read("package-lock.json"));
  const root = packages[""] ?? {};
  const peers = closureOf(packages, Object.keys(root.peerDependencies ?? {}));
  const core = closureOf(packages, Object.keys(root.dependencies ?? {}));
  const found = Object.entries(packages).filter(([path]) => path !== "");
  const { name, license } = z.object({ name: z.string(), license: z.string() }).parse(read("package.json"));
  return {
    ...{ name, version: root.version ?? "", licence: license },
    needs: Object.keys(root.dependencies ?? {}).flatMap((one) => pathOf(packages, "", one) ?? []),
    packages: found.map(([path, one]) => ({
      ...{
        path,
        name: nameOf(path),
        version: one.version ?? "",
        integrity: one.integrity,
        scripts: one.hasInstallScript === true,
      },
      licence: one.license ?? licenceOfBringer(found, nameOf(path)),
      role: core.has(path) ? "core" : peers.has(path) ? "peer" : "development",
      needs: needsOf(packages, path, one),
    })),
  };
}

function nameOf(path: string): string {
  return path.slice(path.lastIndexOf("node_modules/") + "node_modules/".length);
}

/** A binary for another platform, of which the lock knows nothing, is under the licence of the package that it is a part of. */
function licenceOfBringer(all: readonly (readonly [string, Entry])[], name: string): string | undefined {
  return all.find(([, { optionalDependencies = {} }]) => name in optionalDependencies)?.[1].license;
}

/** As Node finds it: in the nearest node_modules above. */
function pathOf(packages: Readonly<Record<string, Entry>>, from: string, name: string): string | undefined {
  for (let at = from; ; at = at.slice(0, Math.max(0, at.lastIndexOf("node_modules/") - 1))) {
    const path = at === "" ? `node_modules/${name}` : `${at}/node_modules/${name}`;
    if (path in packages) return path;
    if (at === "") return undefined;
  }
}

function needsOf(packages: Readonly<Record<string, Entry>>, path: string, one: Entry): readonly string[] {
  const names = Object.keys({ ...one.dependencies, ...one.optionalDependencies });
  return names.flatMap((name) => pathOf(packages, path, name) ?? []).sort();
}

function closureOf(packages: Readonly<Record<string, Entry>>, names: readonly string[]): ReadonlySet<string> {
  const waiting = names.flatMap((name) => pathOf(packages, "", name) ?? []);
  const found = new Set<string>();
  for (let path = waiting.pop(); path !== undefined; path = waiting.pop()) {
    if (found.has(path)) continue;
    found.add(path);
    waiting.push(...needsOf(packages, path, packages[path] ?? {}));
  }
  return found;
}
