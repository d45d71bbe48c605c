import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { KeyRef } from "../kit/fields.ts";
import { codeOf, TideError } from "../lib/errors.ts";
import type { ValuesDocument } from "./manifests.ts";

/** Where the values of Secrets and ConfigMaps come from; read afresh at each call. */
export interface Values {
  /** Rejects with SECRET_MISSING, SECRET_VARIABLE_CLASH or SECRET_NAME_INVALID. */
  secret(namespace: string, ref: KeyRef): Promise<string>;
  configMap(namespace: string, ref: KeyRef): Promise<string>;
}

export interface ValuesOptions {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Files `name/key`, as Kubernetes mounts Secrets. */
  readonly secretsDir?: string | undefined;
  readonly secrets: readonly ValuesDocument[];
  readonly configMaps: readonly ValuesDocument[];
}

interface Place {
  readonly of: "Secret" | "ConfigMap";
  readonly namespace: string;
  readonly ref: KeyRef;
}

/**
 * Looks a Secret's value up in the environment, then in the files of `secretsDir` (neither knows namespaces), then in the
 * documents of the manifests; a ConfigMap's in the documents. One trailing newline is trimmed, as Argo Events does.
 * `optional` of a reference has no effect (reference 0).
 */
export function createValues(options: ValuesOptions): Values {
  const { env, secretsDir } = options;
  const secrets = index(options.secrets);
  const configMaps = index(options.configMaps);
  // Which reference a variable was read for: two different ones would silently share one value.
  const variables = new Map<string, Set<string>>();
  for (const { name, data } of options.secrets) for (const key of data.keys()) claim(variables, { name, key });
  return {
    async secret(namespace, ref) {
      const place: Place = { of: "Secret", namespace, ref };
      checkNames(place);
      const variable = variableOf(ref);
      claim(variables, ref);
      const set = env[variable];
      if (set !== undefined) {
        assertNoClash(variables, variable);
        return trimmed(set);
      }
      const file = secretsDir === undefined ? undefined : join(secretsDir, ref.name, ref.key);
      const value = (file && (await readValue(file, place))) ?? secrets.get(keyOf(place));
      if (value !== undefined) return trimmed(value);
      const looked = `the variable ${variable}, ${file ?? "a secrets folder (none is given)"}, the manifests`;
      throw missing(place, looked);
    },
    async configMap(namespace, ref) {
      const place: Place = { of: "ConfigMap", namespace, ref };
      checkNames(place);
      const value = configMaps.get(keyOf(place));
      if (value !== undefined) return trimmed(value);
      throw missing(place, "the manifests");
    },
  };
}

function index(documents: readonly ValuesDocument[]): ReadonlyMap<string, string> {
  const values = new Map<string, string>();
  for (const { namespace, name, data } of documents) {
    for (const [key, value] of data) values.set(JSON.stringify([namespace, name, key]), value);
  }
  return values;
}

function keyOf({ namespace, ref }: Place): string {
  return JSON.stringify([namespace, ref.name, ref.key]);
}

/** `TIDEMILL_SECRET_<NAME>__<KEY>`, upper case, with `_` for `-` and `.`. */
export function variableOf({ name, key }: Pick<KeyRef, "name" | "key">): string {
  return `TIDEMILL_SECRET_${spell(name)}__${spell(key)}`;
}

function spell(text: string): string {
  return text.toUpperCase().replaceAll(/[-.]/g, "_");
}

/** Notes which reference a variable is for. */
function claim(variables: Map<string, Set<string>>, ref: Pick<KeyRef, "name" | "key">): void {
  const variable = variableOf(ref);
  const holders = variables.get(variable) ?? new Set();
  variables.set(variable, holders.add(`${ref.name}/${ref.key}`));
}

function assertNoClash(variables: ReadonlyMap<string, ReadonlySet<string>>, variable: string): void {
  const holders = [...(variables.get(variable) ?? [])];
  if (holders.length < 2) return;
  throw new TideError("SECRET_VARIABLE_CLASH", `${variable} would be the value of ${holders.join(" and of ")}`);
}

/** A name is a part of a path and of a variable: `..` and `/` must never come through. */
function checkNames({ of, ref }: Place): void {
  for (const [what, text] of [
    ["name", ref.name],
    ["key", ref.key],
  ] as const) {
    if (/^[-._a-zA-Z0-9]{1,253}$/.test(text) && !/^\.+$/.test(text) && !text.startsWith("..")) continue;
    throw new TideError("SECRET_NAME_INVALID", `${JSON.stringify(text)} cannot be the ${what} of a ${of}`);
  }
}

async function readValue(file: string, { ref }: Place): Promise<string | undefined> {
  try {
    return await readFile(file, "utf8");
  } catch (cause) {
    if (codeOf(cause) === "ENOENT" || codeOf(cause) === "ENOTDIR") return undefined;
    throw new TideError("SECRET_MISSING", `reading the file of ${ref.name}/${ref.key}`, { cause });
  }
}

function missing({ of, namespace, ref }: Place, looked: string): TideError {
  return new TideError("SECRET_MISSING", `${of} ${namespace}/${ref.name} has no key ${ref.key}; looked at: ${looked}`);
}

function trimmed(value: string): string {
  return value.endsWith("\n") ? value.slice(0, -1) : value;
}
