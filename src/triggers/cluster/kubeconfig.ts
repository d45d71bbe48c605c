import { readFile } from "node:fs/promises";
import { delimiter, dirname, join, resolve } from "node:path";
import { parse } from "yaml";
import { messageOf, TideError } from "../../lib/errors.ts";
import { isRecord } from "../../lib/json.ts";

/** A server and who we are there. Paths are absolute; files are read at each use, so that what is renewed counts. */
export interface ClusterConfig {
  /** Where it was read from, for messages: `context orders of /home/me/.kube/config`. */
  readonly shown: string;
  /** `https://host:6443`, with the path that a proxy in front of it may want. */
  readonly server: string;
  readonly ca?: FileOrText;
  readonly skipVerify: boolean;
  readonly serverName?: string;
  readonly proxyUrl?: string;
  readonly user: UserConfig;
}

export interface UserConfig {
  readonly token?: FileOrText;
  readonly basic?: { readonly username: string; readonly password: string };
  readonly cert?: FileOrText;
  readonly key?: FileOrText;
  readonly exec?: ExecConfig;
  /** Handled by @kubernetes/client-node: `oidc` and the old ones of cloud vendors. */
  readonly authProvider?: Fields;
  readonly impersonate?: { readonly user: string; readonly groups: readonly string[] };
}

export type FileOrText = { readonly file: string } | { readonly text: string };

/** A program that gives credentials (client.authentication.k8s.io). */
export interface ExecConfig {
  readonly apiVersion: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly installHint: string;
  readonly provideClusterInfo: boolean;
}

export interface KubeconfigChoice {
  /** undefined: `KUBECONFIG`, which may name several, or `~/.kube/config`. */
  readonly file: string | undefined;
  /** undefined: the current one. */
  readonly context: string | undefined;
  readonly env: Readonly<Record<string, string | undefined>>;
}

export type Fields = Readonly<Record<string, unknown>>;

/** Reads kubeconfig files and chooses a context. Rejects with CLUSTER_CONFIG. */
export async function readKubeconfig({ file, context, env }: KubeconfigChoice): Promise<ClusterConfig> {
  const files = kubeconfigFiles(file, env);
  const named: Record<"clusters" | "users" | "contexts", Map<string, Entry>> = {
    clusters: new Map(),
    users: new Map(),
    contexts: new Map(),
  };
  let current = context;
  for (const path of files) {
    const config = await readOne(path);
    for (const list of ["clusters", "users", "contexts"] as const) {
      for (const item of listAt(config, list)) {
        const name = textAt(item, "name");
        // of the same name in several files the first counts
        if (name !== undefined && !named[list].has(name)) {
          named[list].set(name, { folder: dirname(path), fields: fieldsAt(item, list.slice(0, -1)) });
        }
      }
    }
    current ??= textAt(config, "current-context");
  }
  const where = files.join(", ");
  if (current === undefined) throw fault(`${where} has no current-context: name one with --context`);
  const chosen = named.contexts.get(current);
  if (chosen === undefined) {
    const known = [...named.contexts.keys()].join(", ");
    throw fault(`there is no context ${current} in ${where}${known === "" ? "" : `; there are ${known}`}`);
  }
  const entry = (list: "clusters" | "users", key: string): Entry => {
    const name = textAt(chosen.fields, key) ?? "";
    const found = named[list].get(name);
    if (found === undefined)
      throw fault(`context ${current} names the ${key} ${name || "(none)"}, which is not in ${where}`);
    return found;
  };
  const shown = `context ${current} of ${where}`;
  // a context without a user is anonymous
  const user = textAt(chosen.fields, "user") === undefined ? { folder: ".", fields: {} } : entry("users", "user");
  return { shown, ...serverOf(entry("clusters", "cluster"), shown), user: userOf(user) };
}

/** The service account of the pod that this runs in; undefined outside of one. */
export function inClusterConfig(
  env: Readonly<Record<string, string | undefined>>,
  folder = "/var/run/secrets/kubernetes.io/serviceaccount",
): ClusterConfig | undefined {
  const { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port = "443" } = env;
  if (host === undefined || host === "") return undefined;
  return {
    shown: "the service account of this pod",
    server: `https://${host.includes(":") ? `[${host}]` : host}:${port}`,
    ca: { file: join(folder, "ca.crt") },
    skipVerify: false,
    user: { token: { file: join(folder, "token") } },
  };
}

/** The text, without the line feed at the end that a file may have. */
export async function textOf(from: FileOrText): Promise<string> {
  if ("text" in from) return from.text;
  try {
    return (await readFile(from.file, "utf8")).trim();
  } catch (cause) {
    throw fault(`${from.file} cannot be read: ${messageOf(cause)}`, cause);
  }
}

export function fault(message: string, cause?: unknown): TideError {
  return new TideError("CLUSTER_CONFIG", message, cause === undefined ? {} : { cause });
}

interface Entry {
  readonly folder: string;
  readonly fields: Fields;
}

function kubeconfigFiles(file: string | undefined, env: KubeconfigChoice["env"]): readonly string[] {
  if (file !== undefined) return [resolve(file)];
  const listed = (env.KUBECONFIG ?? "").split(delimiter).filter((path) => path !== "");
  if (listed.length > 0) return listed.map((path) => resolve(path));
  const home = env.HOME ?? env.USERPROFILE;
  if (home === undefined || home === "") throw fault("there is no home folder to look for .kube/config in");
  return [join(home, ".kube", "config")];
}

async function readOne(path: string): Promise<Fields> {
  let config: unknown;
  try {
    config = parse(await readFile(path, "utf8"), { maxAliasCount: 100 });
  } catch (cause) {
    throw fault(`the kubeconfig ${path} cannot be read: ${messageOf(cause)}`, cause);
  }
  if (!isRecord(config)) throw fault(`the kubeconfig ${path} is no map`);
  return config;
}

function serverOf({ folder, fields }: Entry, shown: string): Omit<ClusterConfig, "shown" | "user"> {
  const server = textAt(fields, "server");
  if (server === undefined || !/^https?:/.test(server) || !URL.canParse(server)) {
    throw fault(`${shown}: its cluster has no server that is an http or https URL`);
  }
  const serverName = textAt(fields, "tls-server-name");
  const proxyUrl = textAt(fields, "proxy-url");
  if (proxyUrl !== undefined && !URL.canParse(proxyUrl)) throw fault(`${shown}: its proxy-url is no URL`);
  return {
    server: server.replace(/\/+$/, ""),
    ...given("ca", dataOrFile(fields, "certificate-authority", folder)),
    skipVerify: fields["insecure-skip-tls-verify"] === true,
    ...given("serverName", serverName),
    ...given("proxyUrl", proxyUrl),
  };
}

function userOf({ folder, fields }: Entry): UserConfig {
  const token = textAt(fields, "token");
  const tokenFile = textAt(fields, "tokenFile");
  const username = textAt(fields, "username");
  const as = textAt(fields, "as");
  const groups = fields["as-groups"];
  const exec = fields.exec;
  const provider = fields["auth-provider"];
  return {
    // as kubectl: the file wins
    ...given("token", tokenFile === undefined ? token && { text: token } : { file: resolve(folder, tokenFile) }),
    ...given("basic", username && { username, password: textAt(fields, "password") ?? "" }),
    ...given("cert", dataOrFile(fields, "client-certificate", folder)),
    ...given("key", dataOrFile(fields, "client-key", folder)),
    ...given("exec", isRecord(exec) ? execOf(exec, folder) : undefined),
    ...given("authProvider", isRecord(provider) ? provider : undefined),
    ...given("impersonate", as && { user: as, groups: Array.isArray(groups) ? groups.map(String) : [] }),
  };
}

function execOf(exec: Fields, folder: string): ExecConfig {
  const command = textAt(exec, "command");
  if (command === undefined) throw fault("the exec of the kubeconfig's user has no command");
  const env: [string, string][] = listAt(exec, "env").map((one) => [
    textAt(one, "name") ?? "",
    textAt(one, "value") ?? "",
  ]);
  return {
    apiVersion: textAt(exec, "apiVersion") ?? "client.authentication.k8s.io/v1",
    // with a separator it is relative to the kubeconfig; without, it is looked for on the PATH
    command: command.includes("/") ? resolve(folder, command) : command,
    args: Array.isArray(exec.args) ? exec.args.map(String) : [],
    env: Object.fromEntries(env),
    installHint: textAt(exec, "installHint") ?? "",
    provideClusterInfo: exec.provideClusterInfo === true,
  };
}

/** `<key>-data` in base64, or the file that `<key>` names. The data win, as kubectl has it. */
function dataOrFile(fields: Fields, key: string, folder: string): FileOrText | undefined {
  const data = textAt(fields, `${key}-data`);
  if (data !== undefined) return { text: Buffer.from(data, "base64").toString() };
  const file = textAt(fields, key);
  return file === undefined ? undefined : { file: resolve(folder, file) };
}

function given<K extends string, V>(key: K, value: V | undefined | ""): { readonly [P in K]?: V } {
  return value === undefined || value === "" ? {} : ({ [key]: value } as { readonly [P in K]?: V });
}

/** A text that is there and not empty. */
export function textAt(value: unknown, key: string): string | undefined {
  const held = isRecord(value) && Object.hasOwn(value, key) ? value[key] : undefined;
  return typeof held === "string" && held !== "" ? held : undefined;
}

function fieldsAt(value: unknown, key: string): Fields {
  const held = isRecord(value) ? value[key] : undefined;
  return isRecord(held) ? held : {};
}

function listAt(value: unknown, key: string): readonly unknown[] {
  const held = isRecord(value) ? value[key] : undefined;
  return Array.isArray(held) ? held : [];
}
