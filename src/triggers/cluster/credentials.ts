import { spawn } from "node:child_process";
import { messageOf } from "../../lib/errors.ts";
import { isRecord } from "../../lib/json.ts";
import { type ClusterConfig, type ExecConfig, fault, textAt, textOf } from "./kubeconfig.ts";

/** What proves who we are, as it is now. */
export interface Credentials {
  readonly headers: Readonly<Record<string, string>>;
  /** PEM. */
  readonly cert?: string;
  readonly key?: string;
  /** Unix milliseconds, where they tell. */
  readonly expiresMs?: number;
}

export interface CredentialsContext {
  readonly config: ClusterConfig;
  readonly env: Readonly<Record<string, string | undefined>>;
  sdk<T>(name: string, load: () => Promise<T>): Promise<T>;
  readonly signal: AbortSignal;
}

/** Reads files, runs the exec program. Rejects with CLUSTER_CONFIG. */
export async function readCredentials(cx: CredentialsContext): Promise<Credentials> {
  const { user } = cx.config;
  const { impersonate, basic } = user;
  const given = await givenCredentials(cx);
  const headers: Record<string, string> = { ...given.headers };
  if (basic !== undefined) {
    headers.authorization = `Basic ${Buffer.from(`${basic.username}:${basic.password}`).toString("base64")}`;
  }
  if (user.token !== undefined) headers.authorization = `Bearer ${await textOf(user.token)}`;
  if (impersonate !== undefined) {
    headers["impersonate-user"] = impersonate.user;
    const [group] = impersonate.groups;
    if (group !== undefined) headers["impersonate-group"] = group;
  }
  const cert = user.cert === undefined ? given.cert : await textOf(user.cert);
  const key = user.key === undefined ? given.key : await textOf(user.key);
  return {
    headers,
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
    ...(given.expiresMs === undefined ? {} : { expiresMs: given.expiresMs }),
  };
}

async function givenCredentials(cx: CredentialsContext): Promise<Credentials> {
  const { exec, authProvider } = cx.config.user;
  if (exec !== undefined) return execCredentials(exec, cx);
  return authProvider === undefined ? { headers: {} } : providerCredentials(authProvider, cx);
}

const execTimeoutMs = 60_000;

/** Runs a credential plugin as kubectl does, without a terminal. */
async function execCredentials(exec: ExecConfig, { config, env, signal }: CredentialsContext): Promise<Credentials> {
  const cluster = { server: config.server, "insecure-skip-tls-verify": config.skipVerify };
  const info = {
    apiVersion: exec.apiVersion,
    kind: "ExecCredential",
    spec: { interactive: false, ...(exec.provideClusterInfo ? { cluster } : {}) },
  };
  const output = await outputOf(exec, { ...env, ...exec.env, KUBERNETES_EXEC_INFO: JSON.stringify(info) }, signal);
  let status: unknown;
  try {
    const answer: unknown = JSON.parse(output);
    status = isRecord(answer) ? answer.status : undefined;
  } catch (cause) {
    throw fault(`the program ${exec.command} of the kubeconfig did not answer with JSON`, cause);
  }
  const token = textAt(status, "token");
  const cert = textAt(status, "clientCertificateData");
  const key = textAt(status, "clientKeyData");
  if (token === undefined && cert === undefined) {
    throw fault(`the program ${exec.command} of the kubeconfig gave neither a token nor a certificate`);
  }
  const expiresMs = Date.parse(textAt(status, "expirationTimestamp") ?? "");
  return {
    headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
    ...(Number.isNaN(expiresMs) ? {} : { expiresMs }),
  };
}

function outputOf(
  { command, args, installHint }: ExecConfig,
  env: Readonly<Record<string, string | undefined>>,
  signal: AbortSignal,
): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const child = spawn(command, args, { env, signal, timeout: execTimeoutMs, stdio: ["ignore", "pipe", "pipe"] });
  const out: Buffer[] = [];
  const said: Buffer[] = [];
  child.stdout.on("data", (chunk: Buffer) => out.push(chunk));
  child.stderr.on("data", (chunk: Buffer) => said.push(chunk));
  child.once("error", (cause) => {
    const hint = installHint === "" ? "" : `\n${installHint}`;
    reject(
      signal.aborted
        ? signal.reason
        : fault(`the program ${command} of the kubeconfig: ${messageOf(cause)}${hint}`, cause),
    );
  });
  child.once("close", (code, ended) => {
    if (code === 0) resolve(Buffer.concat(out).toString());
    else {
      const words = Buffer.concat(said).toString().trim().slice(-500);
      reject(
        fault(`the program ${command} of the kubeconfig failed (${code ?? ended}): ${words || "it said nothing"}`),
      );
    }
  });
  return promise;
}

/** An `auth-provider`, which kubectl no longer has but for `oidc`: client-node knows them. */
async function providerCredentials(authProvider: unknown, { config, sdk }: CredentialsContext): Promise<Credentials> {
  const { KubeConfig } = await sdk("@kubernetes/client-node", () => import("@kubernetes/client-node"));
  const loaded = new KubeConfig();
  loaded.loadFromClusterAndUser(
    { name: "cluster", server: config.server, skipTLSVerify: config.skipVerify },
    // its type is that of what client-node reads from the same place of the file
    { name: "user", authProvider: authProvider as never },
  );
  const options: { headers?: Record<string, string> } = {};
  try {
    await loaded.applyToHTTPSOptions(options);
  } catch (cause) {
    throw fault(`the auth-provider of ${config.shown}: ${messageOf(cause)}`, cause);
  }
  const authorization = options.headers?.Authorization;
  return { headers: authorization === undefined ? {} : { authorization } };
}
