import { compareText } from "../go-text.ts";
import { failed } from "./reader.ts";

/** Deeper data are refused rather than walked: the stack would end before they do. */
export const MAX_DATA_DEPTH = 500;

export function tooDeep(): never {
  throw failed(`data nested more than ${MAX_DATA_DEPTH} deep`);
}

/** Go decides as for six digits: 100000, but 1e+06. */
const MOST_PLAIN = 6;

/** A float as `%v` prints it: shortest digits, exponent form below 1e-4 and from 1e+06 on. */
function printFloat(value: number): string {
  if (Number.isNaN(value)) return "NaN";
  if (!Number.isFinite(value)) return value > 0 ? "+Inf" : "-Inf";
  if (Object.is(value, -0)) return "-0";
  const [mantissa = "", exponent = "0"] = value.toExponential().split("e");
  const power = Number(exponent);
  if (value !== 0 && (power < -4 || power >= MOST_PLAIN)) {
    return `${mantissa}e${power < 0 ? "-" : "+"}${String(Math.abs(power)).padStart(2, "0")}`;
  }
  return plainDigits(mantissa, power);
}

function plainDigits(mantissa: string, power: number): string {
  const sign = mantissa.startsWith("-") ? "-" : "";
  const digits = mantissa.replaceAll(/[-.]/g, "");
  if (power < 0) return `${sign}0.${"0".repeat(-power - 1)}${digits}`;
  const whole = digits.slice(0, power + 1).padEnd(power + 1, "0");
  const rest = digits.slice(power + 1);
  return rest === "" ? sign + whole : `${sign}${whole}.${rest}`;
}

/** Prints what is no decoded JSON; undefined for everything else. */
type PrintOwn = (value: object) => string | undefined;

/** `fmt.Sprintf("%v", value)`; integers are bigints, map keys are in order. */
export function goPrint(value: unknown, own: PrintOwn = () => undefined, depth = 0): string {
  if (depth > MAX_DATA_DEPTH) return tooDeep();
  if (value === null || value === undefined) return "<nil>";
  if (typeof value === "number") return printFloat(value);
  if (typeof value !== "object") return String(value);
  const inner = (item: unknown): string => goPrint(item, own, depth + 1);
  if (Array.isArray(value)) return `[${Array.from(value, inner).join(" ")}]`;
  const special = own(value);
  if (special !== undefined) return special;
  const entries: [unknown, unknown][] = value instanceof Map ? [...value] : Object.entries(value);
  const printed = entries.sort(([a], [b]) => compareKeys(a, b)).map(([key, item]) => `${inner(key)}:${inner(item)}`);
  return `map[${printed.join(" ")}]`;
}

/** Go's order of the keys of a map of anything: nil, then numbers, bools and strings each in order. */
function compareKeys(a: unknown, b: unknown): number {
  if (typeof a === "string" && typeof b === "string") return compareText(a, b);
  const byKind = keyRank(a) - keyRank(b);
  if (byKind !== 0) return byKind;
  return Number(a) - Number(b);
}

function keyRank(key: unknown): number {
  if (key === null) return 0;
  return ["boolean", "bigint", "number", "string"].indexOf(typeof key) + 1;
}
