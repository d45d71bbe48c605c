import { RE2JS } from "re2js";
import { comparePrereleases, compareVersions, parseVersion, type Version } from "./version.ts";

interface Rule {
  readonly operator: string;
  readonly version: Version;
  /** Something is left open ("1", "1.2", "*"), and whether that is the minor or the patch number. */
  readonly open: "no" | "all" | "minor" | "patch";
}

/** Alternatives, each a list of rules that all must hold. */
export type Constraint = readonly (readonly Rule[])[];

const OPERATORS = String.raw`=||!=|>|<|>=|=>|<=|=<|~|~>|\^`;
const NUMBERS = String.raw`v?([0-9|x|X|\*]+)(\.[0-9|x|X|\*]+)?(\.[0-9|x|X|\*]+)?`;
const LABELS = String.raw`(-([0-9A-Za-z\-]+(\.[0-9A-Za-z\-]+)*))?(\+([0-9A-Za-z\-]+(\.[0-9A-Za-z\-]+)*))?`;
const OPERAND = NUMBERS + LABELS;
// RE2, because the gaps between rules would make a backtracking engine slow on a hostile constraint.
const RULE = RE2JS.compile(String.raw`^\s*(${OPERATORS})\s*(${OPERAND})\s*$`);
const RULES = RE2JS.compile(String.raw`(${OPERATORS})\s*(${OPERAND})`);
const RANGE = RE2JS.compile(String.raw`\s*(${OPERAND})\s+-\s+(${OPERAND})\s*`);
const VALID = RE2JS.compile(
  String.raw`^(\s*(${OPERATORS})\s*(${OPERAND})\s*)((?:\s+|,\s*)(${OPERATORS})\s*(${OPERAND})\s*)*$`,
);

/** Reads "^1.2 || >=3, <4", "1.2 - 2.0", "~1.x"; a string says what is wrong. */
export function parseConstraint(text: string): Constraint | string {
  const alternatives: Rule[][] = [];
  for (const part of withoutRanges(text).split("||")) {
    if (!VALID.matcher(part).find()) return `improper constraint: ${part}`;
    const rules: Rule[] = [];
    const matcher = RULES.matcher(part);
    while (matcher.find()) {
      const rule = parseRule(matcher.group() ?? "");
      if (typeof rule === "string") return rule;
      rules.push(rule);
    }
    alternatives.push(rules);
  }
  return alternatives;
}

/** "1.2 - 2.0" is ">= 1.2, <= 2.0". */
function withoutRanges(text: string): string {
  let out = "";
  let at = 0;
  const matcher = RANGE.matcher(text);
  while (matcher.find()) {
    out += `${text.slice(at, matcher.start())}>= ${matcher.group(1) ?? ""}, <= ${matcher.group(11) ?? ""} `;
    at = matcher.end();
  }
  return out + text.slice(at);
}

function parseRule(text: string): Rule | string {
  const matcher = RULE.matcher(text);
  if (!matcher.find()) return `improper constraint: ${text}`;
  const group = (n: number): string => matcher.group(n) ?? "";
  const isOpen = (part: string): boolean => part === "" || /^\.?[xX*]$/.test(part);
  const open = isOpen(group(3)) ? "all" : isOpen(group(4)) ? "minor" : isOpen(group(5)) ? "patch" : "no";
  const core =
    open === "all"
      ? "0.0.0"
      : open === "minor"
        ? `${group(3)}.0.0`
        : open === "patch"
          ? `${group(3)}${group(4)}.0`
          : undefined;
  const version = parseVersion(core === undefined ? group(2) : core + group(6));
  if (typeof version === "string") return "constraint Parser Error";
  return { operator: group(1), version, open };
}

/** Whether a version satisfies one of the alternatives. */
export function allows(constraint: Constraint, version: Version): boolean {
  return constraint.some((rules) => rules.every((rule) => holds(rule, version)));
}

/** A prerelease satisfies only a rule that names one; for `!=` this counts only where something is left open. */
function holds(rule: Rule, v: Version): boolean {
  const skipsPrerelease = v.pre !== "" && rule.version.pre === "";
  if (rule.operator === "!=")
    return rule.open === "no" ? compareVersions(v, rule.version) !== 0 : !skipsPrerelease && differs(rule, v);
  if (skipsPrerelease) return false;
  switch (rule.operator) {
    case ">":
      return isAbove(rule, v);
    case "<":
      return compareVersions(v, rule.version) < 0;
    case ">=":
    case "=>":
      return compareVersions(v, rule.version) >= 0;
    case "<=":
    case "=<":
      return isAtMost(rule, v);
    case "~":
    case "~>":
      return isAbout(rule, v);
    case "^":
      return isCompatible(rule, v);
    default:
      return rule.open === "no" ? compareVersions(v, rule.version) === 0 : isAbout(rule, v);
  }
}

function differs({ version, open }: Rule, v: Version): boolean {
  if (version.major !== v.major) return true;
  if (version.minor !== v.minor && open !== "minor") return true;
  if (open === "minor") return false;
  if (version.patch !== v.patch && open !== "patch") return true;
  return open === "patch" ? comparePrereleases(v.pre, version.pre) !== 0 : compareVersions(v, version) !== 0;
}

function isAbove({ version, open }: Rule, v: Version): boolean {
  if (open === "no") return compareVersions(v, version) > 0;
  if (v.major !== version.major) return v.major > version.major;
  if (open === "minor") return false;
  return open === "patch" ? v.minor > version.minor : compareVersions(v, version) > 0;
}

function isAtMost({ version, open }: Rule, v: Version): boolean {
  if (open === "no") return compareVersions(v, version) <= 0;
  if (v.major > version.major) return false;
  return !(v.major === version.major && v.minor > version.minor && open !== "minor");
}

function isAbout({ version, open }: Rule, v: Version): boolean {
  if (compareVersions(v, version) < 0) return false;
  const isZero = version.major === 0n && version.minor === 0n && version.patch === 0n;
  if (isZero && open !== "minor" && open !== "patch") return true;
  return v.major === version.major && (v.minor === version.minor || open === "minor");
}

/** `^`: the leftmost number that is not 0 stays. */
function isCompatible({ version, open }: Rule, v: Version): boolean {
  if (compareVersions(v, version) < 0) return false;
  if (version.major > 0n || open === "minor") return v.major === version.major;
  if (v.major > 0n) return false;
  if (version.minor > 0n || open === "patch") return v.minor === version.minor;
  return v.minor === 0n && version.patch === v.patch;
}
