import { createHash } from "node:crypto";
import { accessSync, constants, readFileSync } from "node:fs";
import { homedir } from "node:os";
import { delimiter, join } from "node:path";

/** A program of the operating system, from Debian's or Ubuntu's own packages. */
interface AptRecipe {
  readonly kind: "apt";
  readonly packages: readonly string[];
  /** All of them must be on the PATH (or in an sbin folder). */
  readonly programs: readonly string[];
}

/** A Python program in a venv of its own, every version pinned. */
interface VenvRecipe {
  readonly kind: "venv";
  /** The text of a requirements file. */
  readonly requirements: () => string;
}

export type Recipe = AptRecipe | VenvRecipe;

/** How each server gets onto a machine. `scripts/servers.ts` follows it; `available` looks whether it was followed. */
export const recipes = {
  redis: { kind: "apt", packages: ["redis-server"], programs: ["redis-server"] },
  mariadb: { kind: "apt", packages: ["mariadb-server"], programs: ["mariadbd", "mariadb-install-db"] },
  ministack: { kind: "venv", requirements: () => "ministack==1.5.33\n" },
  localstack: {
    kind: "venv",
    // frozen: with open versions a newer cbor2, pyOpenSSL or service_identity breaks an import of 4.2.0
    requirements: () => readFileSync(new URL("./localstack-requirements.txt", import.meta.url), "utf8"),
  },
} as const satisfies Record<string, Recipe>;

export type ServerName = keyof typeof recipes;

/** Outside the checkout, so that a fresh clone does not build the servers again. */
export function cacheFolder(): string {
  const { TIDEMILL_TEST_CACHE, XDG_CACHE_HOME } = process.env;
  return TIDEMILL_TEST_CACHE || join(XDG_CACHE_HOME || join(homedir(), ".cache"), "tidemill-test-servers");
}

export function venvFolder(name: ServerName): string {
  return join(cacheFolder(), name);
}

/** The file that says a venv is complete; it holds `stampOf` the requirements it was made from. */
export function stampFile(name: ServerName): string {
  return join(venvFolder(name), "complete");
}

export function stampOf(requirements: string): string {
  return createHash("sha256").update(requirements).digest("hex");
}

/** The path of a program, looked for on the PATH and where Debian keeps daemons. */
export function findProgram(name: string): string | undefined {
  const folders = (process.env.PATH ?? "").split(delimiter).filter((folder) => folder !== "");
  for (const folder of [...folders, "/usr/sbin", "/sbin", "/usr/bin"]) {
    const path = join(folder, name);
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch {
      // not in this folder
    }
  }
  return undefined;
}

export function programPath(name: string): string {
  const path = findProgram(name);
  if (path === undefined) throw new Error(`${name} is not on this machine`);
  return path;
}

export type Availability = { readonly ok: true } | { readonly ok: false; readonly install: string };

/** Whether a server is on this machine in the pinned version, and if not, the command that installs it. */
export function available(name: ServerName): Availability {
  return isInstalled(name) ? { ok: true } : { ok: false, install: `npm run servers -- ${name}` };
}

function isInstalled(name: ServerName): boolean {
  const recipe: Recipe = recipes[name];
  if (recipe.kind === "apt") return recipe.programs.every((program) => findProgram(program) !== undefined);
  try {
    return readFileSync(stampFile(name), "utf8") === stampOf(recipe.requirements());
  } catch {
    return false;
  }
}
