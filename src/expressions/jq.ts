import { wellFormed } from "./go-text.ts";
import { Compiler } from "./jq/compile.ts";
import { goJson, UnsupportedNumber } from "./jq/encode.ts";
import { Machine, type Node } from "./jq/machine.ts";
import { Meter } from "./jq/meter.ts";
import { parse } from "./jq/parser.ts";
import { isArray, isObject, JsonNumber, type Value } from "./jq/value.ts";
import { failed, invalid } from "./pratt.ts";

export interface JqOptions {
  /** Steps that one evaluation may take. An endless loop ends after 20 to 180 ms (measured, Node 24, busy machine). */
  readonly maxSteps?: number;
  /** Bytes of text, arrays and objects that one evaluation may make in all. */
  readonly maxBytes?: number;
  /** What `now` answers, in Unix milliseconds; without it `now` fails. */
  readonly nowMs?: number;
}

/** A compiled program: made once when a manifest is loaded, run per event. Runs do not see each other. */
export interface Jq {
  /**
   * The first output for a decoded JSON value, undefined when there is none. Lazy: what comes after it is not computed.
   * Integers beyond 2^53 are bigints, NaN and infinities are themselves. The input is never changed, parts of it may be
   * in the output. Throws EXPRESSION_FAILED for an error that no `try` catches, `halt`, and a spent budget.
   */
  first(input: unknown, options?: JqOptions): unknown;
  /** All outputs. */
  all(input: unknown, options?: JqOptions): readonly unknown[];
  /**
   * What a dependency's `transform.jq` does to an event (reference 3.3): the text of a JSON object in, numbers are float64;
   * the first output, an object, as Go's json.Marshal writes it. EXPRESSION_FAILED where the peer drops the event: input or
   * output is no object, there is no output, an error, NaN or an infinity in it.
   */
  transform(json: string, options?: JqOptions): string;
}

const MAX_STEPS = 1_000_000;
const MAX_BYTES = 32 * 1024 * 1024;

/**
 * Compiles a jq program as gojq 0.12.19 does without options, which is what the peer embeds: no modules, no `input`, no
 * `debug`, an empty `$ENV`. Syntax errors, unknown functions and variables are an ExpressionError EXPRESSION_INVALID with
 * the place, known functions that are not offered EXPRESSION_UNSUPPORTED. It works on text: a byte that is not UTF-8 can
 * only come from `@base64d` and `@urid`, and is U+FFFD in the end.
 */
export function compileJq(text: string): Jq {
  const program = compile(text);
  return {
    first: (input, options) => {
      const output = start(program, input as Value, options).next();
      return output === undefined ? undefined : decoded(output.value);
    },
    all: (input, options) => {
      const machine = start(program, input as Value, options);
      const outputs: unknown[] = [];
      for (let output = machine.next(); output !== undefined; output = machine.next())
        outputs.push(decoded(output.value));
      return outputs;
    },
    transform: (json, options) => transformed(program, json, options),
  };
}

function compile(text: string): Node {
  try {
    return new Compiler().compile(parse(text), null);
  } catch (error) {
    if (error instanceof RangeError) throw invalid("nested too deeply", 0);
    throw error;
  }
}

function start(program: Node, input: Value, { maxSteps, maxBytes, nowMs }: JqOptions = {}): Machine {
  return new Machine(new Meter(maxSteps ?? MAX_STEPS, maxBytes ?? MAX_BYTES, nowMs), program, input ?? null);
}

/**
 * What Go may decode otherwise: half of a surrogate pair, as itself or escaped, is U+FFFD there, and a number out of range
 * an error.
 */
const SUSPECT = /\\u[dD][89a-fA-F]|\p{Cs}|[eE]\+?\d{3}|\d{308}/u;

function transformed(program: Node, json: string, options?: JqOptions): string {
  const input = decode(json);
  const output = start(program, input, options).next();
  if (output === undefined) throw failed("jq: the program has no output");
  if (!isObject(output.value)) throw failed("jq: the first output is not an object");
  try {
    return goJson(output.value);
  } catch (error) {
    if (error instanceof UnsupportedNumber) throw failed(`json: unsupported value: ${error.text}`);
    if (error instanceof RangeError) throw failed("the output is nested too deeply", { cause: error });
    throw error;
  }
}

function decode(json: string): Value {
  let input: unknown;
  try {
    input = SUSPECT.test(json) ? JSON.parse(json, asGo) : JSON.parse(json);
  } catch (cause) {
    throw failed("jq: the data are not JSON", { cause });
  }
  if (typeof input !== "object" || Array.isArray(input)) throw failed("jq: the data are not a JSON object");
  // Go decodes null into a map without members.
  return (input ?? {}) as Value;
}

function asGo(_key: string, value: unknown): unknown {
  if (typeof value === "number" && !Number.isFinite(value)) throw new SyntaxError("a number is out of range");
  return typeof value === "string" ? wellFormed(value) : value;
}

/** An output in plain JSON values. What comes from the input as it is stays the same object. */
function decoded(value: Value): unknown {
  try {
    return plain(value);
  } catch (error) {
    if (error instanceof RangeError) throw failed("the output is nested too deeply", { cause: error });
    throw error;
  }
}

function plain(value: Value): unknown {
  if (typeof value === "bigint") return shortest(value);
  if (typeof value === "string") return wellFormed(value);
  if (typeof value !== "object" || value === null) return value;
  if (value instanceof JsonNumber) return Number(value.text);
  if (isArray(value)) return plainArray(value);
  const entries = Object.entries(value).map(([key, item]) => [wellFormed(key), plain(item), item] as const);
  if (entries.every(([, made, item]) => made === item)) return value;
  return Object.assign(Object.create(null), Object.fromEntries(entries));
}

function plainArray(value: readonly Value[]): unknown {
  const items = value.map(plain);
  return items.every((item, i) => item === value[i]) ? value : items;
}

function shortest(value: bigint): number | bigint {
  const n = Number(value);
  return Number.isSafeInteger(n) ? n : value;
}
