import { isUtf8 } from "node:buffer";
import type { ErrorObject, ValidateFunction } from "ajv";
import { compilePath, type GjsonPath, get } from "../expressions/gjson.ts";
import type { DataFault } from "../lib/event.ts";
import { faultsOf, pathInData } from "./faults.ts";
import { memberCount, repeatedName, scan } from "./scan.ts";

/** Why data does not match its schema. */
export interface SchemaFault {
  /** One sentence: the first few faults and the schema's name. */
  readonly message: string;
  readonly faults: readonly DataFault[];
}

/** Whether the data of an event is as its schema says; undefined: it is. Never throws. */
export type CheckSchema = (data: Uint8Array) => SchemaFault | undefined;

export interface CheckParts {
  /** The schema, for messages. */
  readonly name: string;
  readonly at: string | undefined;
  /** Ends at the first fault. */
  readonly first: ValidateFunction;
  /** Makes the validator that goes on. */
  readonly all: () => ValidateFunction;
}

/** Nobody means more, and a schema that refers to itself is asked by recursion. */
const deepestData = 1_000;
/** Larger data is told its first fault only: a list of a million wrong items would make a million errors. */
const mostForAll = 64 * 1024;
/** Faults that a message and an answer name. */
const mostFaults = 5;

const decoder = new TextDecoder();

/** Measured, Node 24, a job of 0.9 KB with 20 items: 8 µs an event, of which the validator has 2 (docs/specs/schemas.md). */
export function createCheck({ name, at, first, all }: CheckParts): CheckSchema {
  const path = at === undefined ? undefined : compilePath(at);
  let thorough: ValidateFunction | undefined;
  const fault = (faults: readonly DataFault[]): SchemaFault => said(faults, name);
  const whole = (message: string, inside: readonly (string | number)[] = []): SchemaFault =>
    fault([{ path: pathInData(at, inside), message }]);
  return (data) => {
    if (!isUtf8(data)) return whole("is not UTF-8");
    const part = partOf(decoder.decode(data), path);
    if (part === undefined) return whole("is missing");
    let value: unknown;
    try {
      value = JSON.parse(part);
    } catch {
      return whole("is not JSON");
    }
    const { members, depth } = scan(part);
    if (depth > deepestData) return whole(`is nested deeper than ${deepestData} levels`);
    // which of two members of one name counts is another one for each reader
    if (members !== memberCount(value)) return whole("is there twice", repeatedName(part));
    try {
      if (first(value)) return undefined;
      let errors: readonly ErrorObject[] = first.errors ?? [];
      if (part.length <= mostForAll) {
        thorough ??= all();
        thorough(value);
        errors = thorough.errors ?? errors;
      }
      return fault(faultsOf(errors, { value, at }));
    } catch (cause) {
      // the schema refers to itself, as deep as the data is
      if (cause instanceof RangeError) return whole("is nested deeper than the schema can be asked about");
      throw cause;
    }
  };
}

function partOf(json: string, path: GjsonPath | undefined): string | undefined {
  if (path === undefined) return json;
  const { exists, raw } = get(json, path);
  return exists ? raw : undefined;
}

function said(faults: readonly DataFault[], name: string): SchemaFault {
  const shown = faults.slice(0, mostFaults);
  const more = faults.length > shown.length ? ` and ${faults.length - shown.length} more` : "";
  const list = shown.map(({ path, message }) => `${path}: ${message}`).join("; ");
  return { message: `${list}${more} (schema ${name})`, faults: shown };
}
