import { hostname } from "node:os";
import type { KeyRef } from "../../kit/fields.ts";
import type { Container, EnvVar, JobSpec } from "./job-spec.ts";

/** Reads Secrets and ConfigMaps of a namespace; undefined where there is none. */
export interface JobValues {
  secret(namespace: string, ref: KeyRef): Promise<string | undefined>;
  configMap(namespace: string, ref: KeyRef): Promise<string | undefined>;
  /** All keys, for `envFrom`. */
  secretData(namespace: string, name: string): Promise<ReadonlyMap<string, string> | undefined>;
  configMapData(namespace: string, name: string): Promise<ReadonlyMap<string, string> | undefined>;
}

/** What a container can ask about the pod it would run in. */
export interface PodFields {
  readonly name: string;
  readonly namespace: string;
  readonly uid: string;
  readonly spec: JobSpec;
}

/** A Secret, a ConfigMap or an image is missing: Kubernetes waits for it, and does not count that as a failure. */
export class NotReady extends Error {}

/**
 * `$(NAME)` as Kubernetes expands it: unknown names stay as they are, `$$` is one `$`, so that `$$(NAME)` is the text
 * `$(NAME)`.
 */
export function expand(text: string, known: ReadonlyMap<string, string>): string {
  if (!text.includes("$")) return text;
  let out = "";
  let at = 0;
  for (;;) {
    const dollar = text.indexOf("$", at);
    if (dollar < 0 || dollar === text.length - 1) return out + text.slice(at);
    out += text.slice(at, dollar);
    const end = text[dollar + 1] === "(" ? text.indexOf(")", dollar + 2) : -1;
    if (end >= 0) {
      const name = text.slice(dollar + 2, end);
      out += known.get(name) ?? `$(${name})`;
      at = end + 1;
    } else if (text[dollar + 1] === "(") {
      // no parenthesis closes from here on, so that nothing behind is a variable either
      return out + text.slice(dollar).replaceAll("$$", "$");
    } else {
      out += text[dollar + 1] === "$" ? "$" : text.slice(dollar, dollar + 2);
      at = dollar + 2;
    }
  }
}

/** The variables that a container declares: `envFrom`, then `env`, each able to name those before it. Throws NotReady. */
export async function declaredEnv(
  container: Container,
  pod: PodFields,
  values: JobValues,
): Promise<ReadonlyMap<string, string>> {
  const env = new Map<string, string>();
  for (const { prefix, secretRef, configMapRef } of container.envFrom ?? []) {
    const ref = secretRef ?? configMapRef;
    if (!ref) continue;
    const read = secretRef ? values.secretData : values.configMapData;
    const data = await read.call(values, pod.namespace, ref.name);
    if (data === undefined && ref.optional !== true) {
      throw new NotReady(`${secretRef ? "Secret" : "ConfigMap"} ${pod.namespace}/${ref.name} is not there`);
    }
    for (const [key, value] of data ?? []) {
      if (/^[^=\0]+$/.test(key)) env.set((prefix ?? "") + key, value);
    }
  }
  for (const variable of container.env ?? []) {
    const value = await readVariable(variable, env, pod, values);
    if (value !== undefined) env.set(variable.name, value);
  }
  return env;
}

async function readVariable(
  variable: EnvVar,
  env: ReadonlyMap<string, string>,
  pod: PodFields,
  values: JobValues,
): Promise<string | undefined> {
  const from = variable.valueFrom;
  if (!from) return expand(variable.value ?? "", env);
  if (from.fieldRef) return fieldOf(from.fieldRef.fieldPath, pod);
  const ref = from.secretKeyRef ?? from.configMapKeyRef;
  if (!ref) return "";
  const key = { name: ref.name, key: ref.key };
  const value = from.secretKeyRef
    ? await values.secret(pod.namespace, key)
    : await values.configMap(pod.namespace, key);
  if (value !== undefined || ref.optional === true) return value;
  const kind = from.secretKeyRef ? "Secret" : "ConfigMap";
  throw new NotReady(`${kind} ${pod.namespace}/${ref.name} has no key ${ref.key}, or is not there`);
}

function fieldOf(path: string, pod: PodFields): string {
  const member = /^metadata\.(labels|annotations)\['([^']+)'\]$/.exec(path);
  if (member !== null) {
    const held = member[1] === "labels" ? pod.spec.labels : pod.spec.annotations;
    const key = member[2] ?? "";
    return Object.hasOwn(held, key) ? (held[key] ?? "") : "";
  }
  switch (path) {
    case "metadata.name":
      return pod.name;
    case "metadata.namespace":
      return pod.namespace;
    case "metadata.uid":
      return pod.uid;
    case "spec.nodeName":
      return hostname();
    case "spec.serviceAccountName":
      return pod.spec.serviceAccount;
    default:
      return "127.0.0.1";
  }
}

/** Of tidemill's own environment a job gets what programs need to run at all; nothing that may be a secret. */
export function inheritedEnv(env: Readonly<Record<string, string | undefined>>): Readonly<Record<string, string>> {
  const inherited: Record<string, string> = {};
  for (const [name, value] of Object.entries(env)) {
    if (value !== undefined && /^(PATH|HOME|USER|LOGNAME|SHELL|LANG|LC_[A-Z]+|TZ|TMPDIR|TERM)$/.test(name)) {
      inherited[name] = value;
    }
  }
  return inherited;
}
