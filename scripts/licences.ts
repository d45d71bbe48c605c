import { readFile, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { type LockedPackage, type Role, readLocked } from "./sbom-packages.ts";

/*
 * `npm run licences`: writes docs/reference/licences.md. With `--check` it writes nothing, and ends with 1 when the page is
 * not as it would be written. Either way it ends with 1 when a package that a user installs has no licence that is known, or
 * one that asks more than to be named.
 */

/** May be used, changed and passed on in a closed product, too, as long as it is named. */
const permissive: ReadonlySet<string> = new Set([
  ...["MIT", "MIT-0", "ISC", "0BSD", "BSD-2-Clause", "BSD-3-Clause", "Apache-2.0", "BlueOak-1.0.0"],
  ...["Python-2.0", "PSF-2.0", "CC0-1.0", "Unlicense", "Zlib"],
]);

const page = fileURLToPath(new URL("../docs/reference/licences.md", import.meta.url));
const titles: Readonly<Record<Role, string>> = {
  core: "Installed with tidemill",
  peer: "Optional peers, and what they bring",
  development: "For work on tidemill alone",
};

const { values } = parseArgs({ options: { check: { type: "boolean", default: false } } });
const { packages } = readLocked();
const refused = packages.filter(({ role, licence }) => role !== "development" && !isPermissive(licence));
for (const { name, version, licence } of refused)
  process.stderr.write(`${name} ${version}: ${licence ?? "no licence is known"}\n`);
if (refused.length > 0) process.exitCode = 1;
const text = pageOf(packages);
if (!values.check) await writeFile(page, text);
else if ((await readFile(page, "utf8").catch(() => "")) !== text) {
  process.stderr.write("docs/reference/licences.md is stale: run `npm run licences`\n");
  process.exitCode = 1;
}

function isPermissive(licence: string | undefined): boolean {
  // of alternatives one may be chosen, of a sum each counts
  const words = (licence ?? "").replace(/^\(|\)$/g, "");
  if (words.includes(" OR ")) return words.split(" OR ").some((one) => isPermissive(one));
  return words.split(" AND ").every((one) => permissive.has(one));
}

function pageOf(all: readonly LockedPackage[]): string {
  const sections = (["core", "peer", "development"] as const).map((role) => {
    const of = all.filter((one) => one.role === role);
    const byLicence = Map.groupBy(of, ({ licence }) => licence ?? "not known");
    const rows = [...byLicence].sort(([a, x], [b, y]) => y.length - x.length || (a < b ? -1 : 1));
    const table = rows.map(([licence, ones]) => `| ${licence} | ${named(ones)} |`);
    return `## ${titles[role]}\n\n| licence | packages |\n| --- | --- |\n${table.join("\n")}\n`;
  });
  return `# Licences

tidemill is under Apache-2.0. This page is made by \`npm run licences\` of package-lock.json; it fails where a package that
somebody installs with tidemill has no known licence, or one that asks more than to be named. A bill of materials in
CycloneDX: \`npm run sbom\`.

${sections.join("\n")}`;
}

function named(packages: readonly LockedPackage[]): string {
  return [...new Set(packages.map(({ name, version }) => `${name} ${version}`))].sort().join(", ");
}
