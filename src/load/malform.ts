import { isRecord } from "../lib/json.ts";
import type { CheckSchema } from "../schemas/check.ts";
import { between, choose } from "./random.ts";

/** How a message can be spoilt. */
export const malformedKinds = [
  "truncated",
  "notJson",
  "empty",
  "wrongEncoding",
  "missingField",
  "wrongType",
  "nullField",
  "extraField",
  "duplicateName",
  "hugeNumber",
  "tooLong",
  "array",
  "deep",
] as const;
export type MalformedKind = (typeof malformedKinds)[number];

export interface Malformed {
  readonly kind: MalformedKind;
  readonly bytes: Uint8Array;
}

/**
 * A message that is spoilt in one of the ways, in its order of chance. With a schema, only ways count that it refuses: a
 * field that may be missing is no fault. Undefined where the schema takes all of them.
 */
export function malform(
  json: string,
  {
    kinds,
    random,
    check,
  }: {
    readonly kinds: readonly MalformedKind[];
    readonly random: () => number;
    readonly check?: CheckSchema | undefined;
  },
): Malformed | undefined {
  const left = [...kinds];
  while (left.length > 0) {
    const at = between(0, left.length - 1, random);
    const [kind] = left.splice(at, 1);
    const bytes = kind === undefined ? undefined : spoil(kind, json, random);
    if (kind !== undefined && bytes !== undefined && (check === undefined || check(bytes) !== undefined))
      return { kind, bytes };
  }
  return undefined;
}

/** undefined where a message has nothing that could be spoilt in this way. */
function spoil(kind: MalformedKind, json: string, random: () => number): Uint8Array | undefined {
  switch (kind) {
    case "truncated":
      return Buffer.from(json.slice(0, between(1, Math.max(1, json.length - 1), random)));
    case "notJson":
      return Buffer.from(choose(["NaN", "undefined", "<job/>", "{job}", json.replaceAll('"', "'")], random) ?? "NaN");
    case "empty":
      return Buffer.from(choose([" ", '""', "{}"], random) ?? "{}");
    case "wrongEncoding":
      return wronglyEncoded(json);
    case "array":
      return Buffer.from(`[${json}]`);
    case "deep":
      return Buffer.from(`${"[".repeat(5_000)}${"]".repeat(5_000)}`);
    default: {
      const value: unknown = JSON.parse(json);
      return isRecord(value) ? spoiltField(kind, value, random) : undefined;
    }
  }
}

/** A byte that no UTF-8 has, in the first text of the message. */
function wronglyEncoded(json: string): Uint8Array {
  const bytes = Buffer.from(json);
  const at = bytes.indexOf('"') + 1;
  return Buffer.concat([bytes.subarray(0, at), Buffer.from([0xff, 0xfe, 0xe9]), bytes.subarray(at)]);
}

function spoiltField(
  kind: MalformedKind,
  value: Readonly<Record<string, unknown>>,
  random: () => number,
): Uint8Array | undefined {
  const name = choose(Object.keys(value), random);
  if (name === undefined) return undefined;
  const with_ = (member: unknown): Uint8Array => bytesOf({ ...value, [name]: member });
  switch (kind) {
    case "missingField": {
      const { [name]: _, ...rest } = value;
      return bytesOf(rest);
    }
    case "wrongType":
      return with_(otherType(value[name]));
    case "nullField":
      return with_(null);
    case "extraField":
      return bytesOf({ ...value, unexpected: true });
    case "tooLong":
      return with_("x".repeat(100_000));
    case "duplicateName":
      return Buffer.from(JSON.stringify(value).replace(/^\{/, `{${JSON.stringify(name)}:"first",`));
    case "hugeNumber":
      return Buffer.from(JSON.stringify({ ...value, [name]: "\u0001" }).replace('"\\u0001"', "1e999"));
    default:
      return undefined;
  }
}

function otherType(value: unknown): unknown {
  if (typeof value === "string") return 17;
  if (typeof value === "number") return String(value);
  if (Array.isArray(value)) return {};
  return typeof value === "boolean" ? "yes" : [value];
}

function bytesOf(value: unknown): Uint8Array {
  return Buffer.from(JSON.stringify(value));
}
