import { parseArgs } from "node:util";
import { type LockedPackage, readLocked } from "./sbom-packages.ts";

/*
 * `npm run sbom`: a bill of materials in CycloneDX 1.6, as JSON on standard output. It has what everybody installs; with
 * `--peers` also the optional peers and what they bring. It is made of package-lock.json alone, so that it is the same on
 * every machine, names the binaries of all platforms, and has no time and no random number in it.
 */

const { values } = parseArgs({ options: { peers: { type: "boolean", default: false } } });
const locked = readLocked();
const included = locked.packages.filter(({ role }) => role === "core" || (values.peers && role === "peer"));
const there = new Map(included.map((one) => [one.path, purlOf(one)]));
const refs = (paths: readonly string[]): readonly string[] =>
  [...new Set(paths.flatMap((path) => there.get(path) ?? []))].sort();
const rootRef = `pkg:npm/${locked.name}@${locked.version}`;
const peers = values.peers ? included.filter(({ role }) => role === "peer").map(({ path }) => path) : [];

const bom = {
  $schema: "http://cyclonedx.org/schema/bom-1.6.schema.json",
  ...{ bomFormat: "CycloneDX", specVersion: "1.6", version: 1 },
  metadata: {
    lifecycles: [{ phase: "pre-build" }],
    component: {
      ...{ type: "application", "bom-ref": rootRef, name: locked.name, version: locked.version, purl: rootRef },
      licenses: licences(locked.licence),
    },
  },
  components: unique(included).map((one) => ({
    type: "library",
    "bom-ref": purlOf(one),
    ...splitName(one.name),
    version: one.version,
    scope: one.role === "core" ? "required" : "optional",
    ...(one.integrity === undefined ? {} : { hashes: [hashOf(one.integrity)] }),
    licenses: licences(one.licence),
    purl: purlOf(one),
  })),
  dependencies: [
    { ref: rootRef, dependsOn: refs([...locked.needs, ...peers]) },
    ...unique(included).map((one) => ({ ref: purlOf(one), dependsOn: refs(one.needs) })),
  ],
};
process.stdout.write(`${JSON.stringify(bom, undefined, 2)}\n`);

/** The same package may lie in several folders. */
function unique(packages: readonly LockedPackage[]): readonly LockedPackage[] {
  return [...new Map(packages.map((one) => [purlOf(one), one])).values()].sort((a, b) =>
    purlOf(a) < purlOf(b) ? -1 : 1,
  );
}

function purlOf({ name, version }: Pick<LockedPackage, "name" | "version">): string {
  return `pkg:npm/${name.replace("@", "%40")}@${version}`;
}

function splitName(name: string): { readonly group?: string; readonly name: string } {
  const [group, rest] = name.split("/", 2);
  return rest === undefined ? { name } : { group: group ?? "", name: rest };
}

/** SPDX ids are told as such, expressions of them as expressions. */
function licences(licence: string | undefined): readonly object[] {
  if (licence === undefined) return [];
  return / (OR|AND|WITH) /.test(licence) ? [{ expression: licence }] : [{ license: { id: licence } }];
}

function hashOf(integrity: string): object {
  const [algorithm = "", base64 = ""] = (integrity.split(/\s+/)[0] ?? "").split(/-(.*)/s);
  return {
    alg: algorithm.toUpperCase().replace("SHA", "SHA-"),
    content: Buffer.from(base64, "base64").toString("hex"),
  };
}
