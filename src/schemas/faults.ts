import type { ErrorObject } from "ajv";
import type { DataFault } from "../lib/event.ts";

/** Longest text that a message quotes of a schema, and of a name in the data. */
const longestQuote = 120;

/** Where a fault is: `body.items[2].sku`, `data` for the whole. Values of the data are never in it, only names. */
export function pathInData(at: string | undefined, inside: readonly (string | number)[]): string {
  let text = at ?? "";
  for (const key of inside) {
    if (typeof key === "number") text += `[${key}]`;
    else if (/^[A-Za-z_$][\w$-]{0,100}$/.test(key)) text += text === "" ? key : `.${key}`;
    else text += `[${JSON.stringify(shorten(key))}]`;
  }
  return text === "" ? "data" : text;
}

/** What the validator found, in words; in its order, each place and fault once, the types that would do together. */
export function faultsOf(
  errors: readonly ErrorObject[],
  { value, at }: { readonly value: unknown; readonly at: string | undefined },
): readonly DataFault[] {
  const types = new Map<string, Set<string>>();
  const telling = errors.filter((one) => !summing.has(one.keyword) || isTelling(one, errors));
  for (const { keyword, instancePath, params } of telling) {
    if (keyword !== "type") continue;
    const wanted = types.get(instancePath) ?? new Set();
    types.set(instancePath, wanted);
    for (const type of [params.type].flat()) wanted.add(String(type));
  }
  const faults = new Map<string, DataFault>();
  for (const error of telling) {
    const { found, path } = follow(value, error.instancePath);
    const { inside = [], message } = wordsOf(error, { found, types: types.get(error.instancePath) ?? new Set() });
    const fault = { path: pathInData(at, [...path, ...inside]), message };
    faults.set(`${fault.path}: ${message}`, fault);
  }
  return [...faults.values()];
}

/** Errors that only say that others are below them. */
const summing = new Set(["anyOf", "oneOf", "if", "allOf", "$ref"]);

function isTelling({ keyword, instancePath, params }: ErrorObject, errors: readonly ErrorObject[]): boolean {
  if (keyword === "oneOf" && Array.isArray(params.passingSchemas)) return true;
  return !errors.some(
    (other) =>
      !summing.has(other.keyword) &&
      (other.instancePath === instancePath || other.instancePath.startsWith(`${instancePath}/`)),
  );
}

/** The value that a pointer names, and its keys. */
function follow(
  value: unknown,
  pointer: string,
): { readonly found: unknown; readonly path: readonly (string | number)[] } {
  const path: (string | number)[] = [];
  let found = value;
  for (const part of pointer.split("/").slice(1)) {
    const key = part.replaceAll("~1", "/").replaceAll("~0", "~");
    path.push(Array.isArray(found) ? Number(key) : key);
    found = typeof found === "object" && found !== null ? (found as Record<string, unknown>)[key] : undefined;
  }
  return { found, path };
}

interface Words {
  /** Where the fault is, below the value that the validator names. */
  readonly inside?: readonly string[];
  readonly message: string;
}

function wordsOf(
  { keyword, params, message = "is wrong", propertyName }: ErrorObject,
  { found, types }: { readonly found: unknown; readonly types: ReadonlySet<string> },
): Words {
  if (propertyName !== undefined)
    return { inside: [propertyName], message: `has a name that ${message.toLowerCase()}` };
  switch (keyword) {
    case "type":
      return { message: `must be ${[...types].join(" or ")}, not ${typeOf(found)}` };
    case "required":
      return { inside: [String(params.missingProperty)], message: "is missing" };
    case "additionalProperties":
      return { inside: [String(params.additionalProperty)], message: "is not allowed" };
    case "unevaluatedProperties":
      return { inside: [String(params.unevaluatedProperty)], message: "is not allowed" };
    case "enum":
      return { message: `must be one of ${shorten(listOf(params.allowedValues))}` };
    case "const":
      return { message: `must be ${shorten(JSON.stringify(params.allowedValue))}` };
    case "pattern":
      return { message: `must match the pattern ${shorten(String(params.pattern))}` };
    case "format":
      return { message: `must be of the format ${String(params.format)}` };
    case "oneOf":
      return { message: "must match one of the forms, and matches more than one" };
    case "anyOf":
      return { message: "matches none of the forms that it may have" };
    case "false schema":
      return { message: "is not allowed" };
    case "dependentRequired":
      return { message: `must have ${String(params.missingProperty)} beside ${String(params.property)}` };
    default:
      return { message: message.replace(/\bNOT\b/g, "not") };
  }
}

function listOf(values: unknown): string {
  return Array.isArray(values) ? values.map((value) => JSON.stringify(value)).join(", ") : "";
}

function typeOf(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "array";
  if (typeof value === "number") return Number.isInteger(value) ? "integer" : "number";
  return typeof value;
}

function shorten(text: string): string {
  return text.length <= longestQuote ? text : `${text.slice(0, longestQuote)}…`;
}
