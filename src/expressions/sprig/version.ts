/** A semantic version, read leniently: "v1.2" is 1.2.0. */
export interface Version {
  readonly major: bigint;
  readonly minor: bigint;
  readonly patch: bigint;
  readonly pre: string;
  readonly metadata: string;
  readonly original: string;
}

const VERSION =
  /^v?([0-9]+)(?:\.([0-9]+))?(?:\.([0-9]+))?(?:-([0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?(?:\+([0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?$/;

/** Reads a version; a string says what is wrong. */
export function parseVersion(text: string): Version | string {
  const parts = VERSION.exec(text);
  if (parts === null) return "Invalid Semantic Version";
  const [, major = "0", minor = "0", patch = "0", pre = "", metadata = ""] = parts;
  const numbers = [major, minor, patch].map(uint64);
  const [a, b, c] = numbers;
  if (a === undefined || b === undefined || c === undefined) {
    return "Error parsing version segment: value out of range";
  }
  if (pre.split(".").some((part) => /^0[0-9]+$/.test(part))) return "Version segment starts with 0";
  return { major: a, minor: b, patch: c, pre, metadata, original: text };
}

function uint64(digits: string): bigint | undefined {
  const plain = digits.replace(/^0+(?=.)/, "");
  if (plain.length > 20) return undefined;
  const value = BigInt(plain);
  return value < 1n << 64n ? value : undefined;
}

export function versionText(version: Version): string {
  const core = `${version.major}.${version.minor}.${version.patch}`;
  return core + (version.pre === "" ? "" : `-${version.pre}`) + (version.metadata === "" ? "" : `+${version.metadata}`);
}

/** -1, 0 or 1; a prerelease is before its release, metadata do not count. */
export function compareVersions(a: Version, b: Version): number {
  return (
    compareNumbers(a.major, b.major) ||
    compareNumbers(a.minor, b.minor) ||
    compareNumbers(a.patch, b.patch) ||
    comparePrereleases(a.pre, b.pre)
  );
}

function compareNumbers(a: bigint, b: bigint): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

export function comparePrereleases(a: string, b: string): number {
  if (a === b) return 0;
  if (a === "") return 1;
  if (b === "") return -1;
  const left = a.split(".");
  const right = b.split(".");
  for (let i = 0; i < Math.max(left.length, right.length); i++) {
    const order = comparePart(left[i] ?? "", right[i] ?? "");
    if (order !== 0) return order;
  }
  return 0;
}

/** Fewer parts first, numbers before words, numbers by value, words by their bytes. */
function comparePart(a: string, b: string): number {
  if (a === b) return 0;
  if (a === "") return -1;
  if (b === "") return 1;
  const x = /^[0-9]+$/.test(a) ? uint64(a) : undefined;
  const y = /^[0-9]+$/.test(b) ? uint64(b) : undefined;
  if (x === undefined && y === undefined) return a > b ? 1 : -1;
  if (y === undefined) return -1;
  if (x === undefined) return 1;
  return x > y ? 1 : -1;
}
