import { CallFault, fn, type GoFunction, type GoObject, type GoValue, int } from "../go-value.ts";
import { compareVersions, parseVersion, type Version, versionText } from "./version.ts";
import { allows, parseConstraint } from "./version-constraint.ts";

/** Semantic versions. */
export const semvers: readonly (readonly [string, GoFunction])[] = [
  ["semver", fn(["string"], ([text]) => versionValue(versionOf(text), "*semver.Version"))],
  [
    "semverCompare",
    fn(["string", "string"], ([constraint, text]) => {
      const parsed = parseConstraint(constraint);
      if (typeof parsed === "string") throw new CallFault(parsed);
      return allows(parsed, versionOf(text));
    }),
  ],
];

function versionOf(text: string): Version {
  const version = parseVersion(text);
  if (typeof version === "string") throw new CallFault(version);
  return version;
}

interface VersionValue extends GoObject {
  readonly version: Version;
}

function isVersion(value: GoValue): value is VersionValue {
  return typeof value === "object" && value !== null && value.go === "object" && "version" in value;
}

type VersionType = "*semver.Version" | "semver.Version";

function versionValue(version: Version, type: VersionType): VersionValue {
  const self: VersionValue = {
    go: "object",
    type,
    kind: type === "semver.Version" ? "struct" : "ptr",
    version,
    print: () => versionText(version),
    json: () => JSON.stringify(versionText(version)),
    equals: (other) => isVersion(other) && other.type === type && sameVersion(version, other.version),
    // Go finds the methods of the pointer only on a pointer.
    method: (name) => (type === "semver.Version" && ON_POINTER.has(name) ? undefined : METHODS.get(name)?.(version)),
  };
  return self;
}

function number(of: (version: Version) => bigint): (version: Version) => GoFunction {
  return (version) => fn([], () => ({ go: "int", type: "uint64", value: of(version) }));
}

function text(of: (version: Version) => string): (version: Version) => GoFunction {
  return (version) => fn([], () => of(version));
}

function order(of: (compared: number) => GoValue): (version: Version) => GoFunction {
  return (version) => fn(["version"], ([other]) => of(isVersion(other) ? compareVersions(version, other.version) : 1));
}

/** The next version; "v" in front stays. */
function next(of: (version: Version) => Partial<Version>): (version: Version) => GoFunction {
  return (version) =>
    fn([], () => {
      const made: Version = { ...version, pre: "", metadata: "", ...of(version) };
      const original = (version.original.startsWith("v") ? "v" : "") + versionText(made);
      return versionValue({ ...made, original }, "semver.Version");
    });
}

function sameVersion(a: Version, b: Version): boolean {
  return versionText(a) === versionText(b) && a.original === b.original;
}

const ON_POINTER: ReadonlySet<string> = new Set([
  "Original",
  "Compare",
  "Equal",
  "LessThan",
  "LessThanEqual",
  "GreaterThan",
  "GreaterThanEqual",
]);

const METHODS: ReadonlyMap<string, (version: Version) => GoFunction> = new Map([
  ["Major", number((version) => version.major)],
  ["Minor", number((version) => version.minor)],
  ["Patch", number((version) => version.patch)],
  ["Prerelease", text((version) => version.pre)],
  ["Metadata", text((version) => version.metadata)],
  ["Original", text((version) => version.original)],
  ["String", text(versionText)],
  ["Compare", order((compared) => int(compared))],
  ["Equal", order((compared) => compared === 0)],
  ["LessThan", order((compared) => compared < 0)],
  ["LessThanEqual", order((compared) => compared <= 0)],
  ["GreaterThan", order((compared) => compared > 0)],
  ["GreaterThanEqual", order((compared) => compared >= 0)],
  ["IncMajor", next((version) => ({ major: version.major + 1n, minor: 0n, patch: 0n }))],
  ["IncMinor", next((version) => ({ minor: version.minor + 1n, patch: 0n }))],
  // Of a prerelease, the release itself comes next.
  ["IncPatch", next((version) => ({ patch: version.pre === "" ? version.patch + 1n : version.patch }))],
]);
