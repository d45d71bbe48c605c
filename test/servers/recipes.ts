import { createHash } from "node:crypto";
import { accessSync, constants, existsSync, readdirSync, readFileSync } from "node:fs";
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

/** A Go program, built on this machine. */
interface GoRecipe {
  readonly kind: "go";
  readonly program: string;
  /** A module of the Go proxy, `path@version`, or a folder with our own main and its go.mod and go.sum. */
  readonly from: string | URL;
}

/** Jars of Maven Central, for a main of our own that Java runs from its source. */
interface MavenRecipe {
  readonly kind: "maven";
  /** A folder with a pom.xml whose dependencies are the jars. */
  readonly from: URL;
}

export type Recipe = AptRecipe | VenvRecipe | GoRecipe | MavenRecipe;

/** How each server gets onto a machine. `scripts/servers.ts` follows it; `available` looks whether it was followed. */
export const recipes = {
  redis: { kind: "apt", packages: ["redis-server"], programs: ["redis-server"] },
  mariadb: { kind: "apt", packages: ["mariadb-server"], programs: ["mariadbd", "mariadb-install-db"] },
  postgres: { kind: "apt", packages: ["postgresql"], programs: ["postgres", "initdb"] },
  git: { kind: "apt", packages: ["git"], programs: ["git"] },
  sshd: {
    kind: "apt",
    packages: ["openssh-server", "openssh-client", "git"],
    programs: ["sshd", "ssh", "ssh-keygen", "git"],
  },
  etcd: { kind: "apt", packages: ["etcd-server"], programs: ["etcd"] },
  ministack: { kind: "venv", requirements: () => "ministack==1.5.33\n" },
  localstack: {
    kind: "venv",
    // frozen: with open versions a newer cbor2, pyOpenSSL or service_identity breaks an import of 4.2.0
    requirements: () => readFileSync(new URL("./localstack-requirements.txt", import.meta.url), "utf8"),
  },
  // API server, controller manager and scheduler; the first build takes four minutes
  kubernetes: { kind: "go", program: "kubernetes", from: new URL("./kubernetes/", import.meta.url) },
  kwok: { kind: "go", program: "kwok", from: "sigs.k8s.io/kwok/cmd/kwok@v0.8.0" },
  opensearch: { kind: "maven", from: new URL("./opensearch/", import.meta.url) },
  kafka: { kind: "maven", from: new URL("./kafka/", import.meta.url) },
  // reads Terraform and Compose files as their own tools do
  infra: { kind: "go", program: "infra", from: new URL("./infra/", import.meta.url) },
  prometheus: { kind: "apt", packages: ["prometheus"], programs: ["prometheus", "promtool"] },
} as const satisfies Record<string, Recipe>;

export type ServerName = keyof typeof recipes;

/** Outside the checkout, so that a fresh clone does not build the servers again. */
export function cacheFolder(): string {
  const { TIDEMILL_TEST_CACHE, XDG_CACHE_HOME } = process.env;
  return TIDEMILL_TEST_CACHE || join(XDG_CACHE_HOME || join(homedir(), ".cache"), "tidemill-test-servers");
}

/** The folder of a server that is made here: a venv, or a Go program. */
export function madeFolder(name: ServerName): string {
  return join(cacheFolder(), name);
}

/** The file that says such a folder is complete; it holds `stampOf` the recipe it was made by. */
export function stampFile(name: ServerName): string {
  return join(madeFolder(name), "complete");
}

/** Changes with everything that decides what is made. */
export function stampOf(recipe: VenvRecipe | GoRecipe | MavenRecipe): string {
  const hash = createHash("sha256");
  if (recipe.kind === "venv") hash.update(recipe.requirements());
  else if (recipe.kind === "maven") hash.update(readFileSync(new URL("pom.xml", recipe.from)));
  else if (typeof recipe.from === "string") hash.update(recipe.from);
  else for (const file of ["main.go", "go.mod", "go.sum"]) hash.update(readFileSync(new URL(file, recipe.from)));
  return hash.digest("hex");
}

/** The path of a Go program that `npm run servers` built. */
export function builtProgram(name: "kubernetes" | "kwok" | "infra"): string {
  return join(madeFolder(name), recipes[name].program);
}

/** The class path of a server's jars. */
export function jarsOf(name: ServerName): string {
  return join(madeFolder(name), "*");
}

/** The path of a program, looked for on the PATH and where Debian keeps daemons. */
export function findProgram(name: string): string | undefined {
  const folders = (process.env.PATH ?? "").split(delimiter).filter((folder) => folder !== "");
  for (const folder of [...folders, "/usr/sbin", "/sbin", "/usr/bin", ...postgresFolders()]) {
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

/** Where Debian keeps the programs of each version of Postgres; the newest first. */
function postgresFolders(): readonly string[] {
  const root = "/usr/lib/postgresql";
  if (!existsSync(root)) return [];
  const versions = readdirSync(root).sort((a, b) => Number(b) - Number(a));
  return versions.map((version) => join(root, version, "bin"));
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
    return readFileSync(stampFile(name), "utf8") === stampOf(recipe);
  } catch {
    return false;
  }
}
