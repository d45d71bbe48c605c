import { ExpressionError } from "../expressions/fault.ts";
import { asString, compilePath, type GjsonPath, get } from "../expressions/gjson.ts";
import { compileTemplate, type GoTemplate, type TemplateOptions } from "../expressions/go-template.ts";
import { toBytes } from "../expressions/go-text.ts";
import { setRaw, setString } from "../expressions/sjson.ts";
import type { Parameter, ParameterSource } from "../kit/trigger.ts";
import { TideError } from "../lib/errors.ts";
import type { Event } from "../lib/event.ts";
import { markJson } from "../lib/json-bytes.ts";
import { eventJson } from "./event-json.ts";
import { resolveKeys } from "./parameter-source.ts";

/** The events of a firing, by dependency, as transformed. */
export type FiringEvents = ReadonlyMap<string, Event>;

export interface ParametersContext {
  /** Clock and randomness of the templates: the same for every attempt of a firing, so that attempts do not differ. */
  readonly nowMs: number;
  random(): number;
  readonly programs: Programs;
}

/** Paths and templates of parameters, compiled at their first use. One per plan: it grows with the manifest's texts. */
export interface Programs {
  path(text: string): GjsonPath;
  /** undefined for a template that cannot be compiled: its key or default is used (reference 3.7). */
  template(text: string): GoTemplate | undefined;
}

export function createPrograms(options: TemplateOptions = {}): Programs {
  const paths = new Map<string, GjsonPath>();
  const templates = new Map<string, GoTemplate | undefined>();
  return {
    path: (text) => known(paths, text, () => compilePath(text)),
    template: (text) => known(templates, text, () => tryTemplate(text, options)),
  };
}

function known<T>(made: Map<string, T>, text: string, make: () => T): T {
  const found = made.get(text);
  if (found !== undefined || made.has(text)) return found as T;
  const value = make();
  made.set(text, value);
  return value;
}

function tryTemplate(text: string, options: TemplateOptions): GoTemplate | undefined {
  try {
    return compileTemplate(text, options);
  } catch (cause) {
    if (cause instanceof ExpressionError) return undefined;
    throw cause;
  }
}

/** A parameter's value as text; `text` false: it is JSON that `useRawData` puts in as it is. */
export interface Resolved {
  readonly value: string;
  readonly text: boolean;
}

/**
 * The value of a parameter (reference 3.7); undefined: there is none, and that is no fault, because the dependency's
 * event is not part of the firing. Throws PARAMETER_UNRESOLVED where the event is there but has no such value, and no
 * default is given.
 */
export function resolveParameter(
  src: ParameterSource,
  events: FiringEvents,
  cx: ParametersContext,
): Resolved | undefined {
  const fallback = src.value == null ? undefined : { value: src.value, text: true };
  const event = events.get(src.dependencyName);
  if (event === undefined) return fallback;
  if (!src.contextKey && !src.contextTemplate && !src.dataKey && !src.dataTemplate)
    return fallback ?? { value: eventJson(event), text: true };
  const resolved = resolveKeys(src, event, cx);
  if ("value" in resolved) return resolved;
  if (fallback !== undefined) return fallback;
  throw new TideError("PARAMETER_UNRESOLVED", `the event of ${src.dependencyName}: ${resolved.fault}`);
}

/**
 * The JSON text with the parameters applied, one after the other; bytes that no parameter touches stay as they are. Used
 * for the template, the type's own configuration and fetched objects. Throws PARAMETER_UNRESOLVED naming the parameter.
 */
export function applyParameters(
  json: string,
  parameters: readonly Parameter[],
  application: { readonly events: FiringEvents; readonly cx: ParametersContext },
): string {
  let text = json;
  for (const parameter of parameters) text = named(parameter, () => apply(text, parameter, application));
  return text;
}

function apply(
  json: string,
  { src, dest, operation = "" }: Parameter,
  { events, cx }: { readonly events: FiringEvents; readonly cx: ParametersContext },
): string {
  const resolved = resolveParameter(src, events, cx);
  if (resolved === undefined) return json;
  if (operation === "append" || operation === "prepend") {
    const current = get(json, cx.programs.path(dest));
    if (current.exists) {
      const before = asString(current);
      const value = operation === "append" ? before + resolved.value : resolved.value + before;
      return setString(json, dest, value);
    }
  }
  return put(json, dest, { resolved, raw: src.useRawData === true });
}

function put(json: string, dest: string, { resolved, raw }: { readonly resolved: Resolved; readonly raw: boolean }) {
  return raw && !resolved.text ? setRaw(json, dest, resolved.value) : setString(json, dest, resolved.value);
}

/**
 * A body built from nothing (reference 3.7): no operations; an empty `dest` makes its value the whole body. A parameter
 * whose dependency has no event is skipped (Argo Events crashes: L3). No parameters: no bytes.
 */
export function buildPayload(
  parameters: readonly Parameter[],
  { events, cx }: { readonly events: FiringEvents; readonly cx: ParametersContext },
): Uint8Array {
  let json = "";
  for (const parameter of parameters) {
    const { src, dest } = parameter;
    const resolved = named(parameter, () => resolveParameter(src, events, cx));
    if (resolved === undefined) continue;
    if (dest === "") return bodyOf(resolved);
    json = named(parameter, () => put(json, dest, { resolved, raw: src.useRawData === true }));
  }
  return toBytes(json);
}

/** A list or an object out of JSON data is JSON. */
function bodyOf({ value, text }: Resolved): Uint8Array {
  const body = toBytes(value);
  return !text && (body[0] === 0x7b || body[0] === 0x5b) ? markJson(body) : body;
}

/** Lists such as `dynamicHeaders`: each value by its `dest`; absent ones are left out, of equal ones the last counts. */
export function resolveParameters(
  parameters: readonly Parameter[],
  { events, cx }: { readonly events: FiringEvents; readonly cx: ParametersContext },
): ReadonlyMap<string, string> {
  const values = new Map<string, string>();
  for (const parameter of parameters) {
    const resolved = named(parameter, () => resolveParameter(parameter.src, events, cx));
    if (resolved !== undefined) values.set(parameter.dest, resolved.value);
  }
  return values;
}

/** Says which parameter it was. */
function named<T>({ dest, src }: Parameter, act: () => T): T {
  try {
    return act();
  } catch (cause) {
    const wanted = src.dataTemplate || src.dataKey || src.contextTemplate || src.contextKey || "the whole event";
    const what = `parameter ${JSON.stringify(dest)} from ${JSON.stringify(wanted)}`;
    if (cause instanceof TideError) throw new TideError("PARAMETER_UNRESOLVED", `${what}: ${cause.message}`, { cause });
    throw cause;
  }
}
