import { jqJson, named, preview } from "./encode.ts";
import type { Value } from "./value.ts";

/**
 * An error inside a program, which `try` and `?` catch. Not an Error: most are thrown to be swallowed by `?`, and a stack
 * trace costs more than all the rest. The message is only made where it is asked for.
 */
export class JqError {
  readonly #text: () => string;
  /** What `catch` gets: for `error(x)` that value, otherwise the message. */
  readonly #thrown: { readonly value: Value } | undefined;

  constructor(text: () => string, thrown?: { readonly value: Value }) {
    this.#text = text;
    this.#thrown = thrown;
  }

  get message(): string {
    return this.#text();
  }

  get value(): Value {
    return this.#thrown === undefined ? this.#text() : this.#thrown.value;
  }
}

/** `halt` and `halt_error`: nothing catches them. */
export class Halt {
  readonly value: Value;

  constructor(value: Value) {
    this.value = value;
  }
}

export function fault(text: () => string): JqError {
  return new JqError(text);
}

export function notAnObject(value: Value): JqError {
  return fault(() => `expected an object but got: ${named(value)}`);
}
export function notAnArray(value: Value): JqError {
  return fault(() => `expected an array but got: ${named(value)}`);
}
export function noIteration(value: Value): JqError {
  return fault(() => `cannot iterate over: ${named(value)}`);
}
export function badKey(key: Value): JqError {
  return fault(() => `expected a string for object key but got: ${named(key)}`);
}
export function badIndex(of: "an array" | "a string", key: Value): JqError {
  return fault(() => `expected a number for indexing ${of} but got: ${named(key)}`);
}
export function badSlice(key: Value): JqError {
  return fault(() => `expected "start" and "end" for slicing but got: ${named(key)}`);
}
export function badPath(value: Value): JqError {
  return fault(() => `invalid path against: ${named(value)}`);
}

/** `name(arguments) cannot be applied to: value`. */
export function notFor(name: string, value: Value, ...args: readonly Value[]): JqError {
  return fault(() => `${call(name, args)} cannot be applied to: ${named(value)}`);
}

/** The same with a reason: `... cannot be applied to value: reason`. */
export function wrapped(name: string, value: Value, cause: { args?: readonly Value[]; reason: string }): JqError {
  return fault(() => `${call(name, cause.args ?? [])} cannot be applied to ${preview(value)}: ${cause.reason}`);
}

function call(name: string, args: readonly Value[]): string {
  return args.length === 0 ? name : `${name}(${args.map(preview).join("; ")})`;
}

/** `error(value)`. */
export function raised(value: Value): JqError {
  return new JqError(() => `error: ${typeof value === "string" ? value : jqJson(value)}`, { value });
}
