import { generateKeyPairSync, randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { request } from "node:https";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { answersHttp } from "./answers.ts";
import { builtProgram, programPath } from "./recipes.ts";
import { freePort, type Server, startServer } from "./server.ts";

/** What `startKubernetes()` needs on the machine. */
export const controlPlane = ["etcd", "kubernetes"] as const;
/** What `startKubernetes({ workloads: true })` needs. */
export const controlPlaneWithNodes = ["etcd", "kubernetes", "kwok"] as const;

/** An answer of the API; `body` is its JSON. */
export interface KubeAnswer {
  readonly status: number;
  // biome-ignore lint/suspicious/noExplicitAny: objects of any kind, looked into by tests
  readonly body: any;
}

export interface KubernetesServer extends AsyncDisposable {
  /** `https://127.0.0.1:port`. */
  readonly url: string;
  /** PEM; it is in the kubeconfig too. */
  readonly ca: string;
  /** May do everything. */
  readonly adminToken: string;
  /** The processes, to stop, kill, pause and start again; their data stay. */
  readonly apiServer: Server;
  readonly etcd: Server;
  /** One request, of the administrator unless another token is given. A PATCH is a merge patch. */
  api(method: string, path: string, body?: unknown, token?: string): Promise<KubeAnswer>;
  /** A new token of a service account (TokenRequest API), for an hour. */
  token(serviceAccount: string, namespace: string): Promise<string>;
  /** Writes a kubeconfig, of the administrator unless it says else, and answers its path. */
  kubeconfig(path: string, as?: KubeconfigUser): Promise<string>;
}

export type KubeconfigUser =
  | { readonly token: string }
  /** A file with the token, read again from time to time. */
  | { readonly tokenFile: string }
  | { readonly exec: { readonly apiVersion: string; readonly command: string; readonly args?: readonly string[] } };

/**
 * A control plane: etcd and the API server, with RBAC and real service account tokens. With `workloads` the controllers
 * and the scheduler of Kubernetes too, and a node that kwok plays: a Job becomes Complete, though no container runs.
 * Without them nobody acts on objects: a namespace that is deleted stays `Terminating`.
 */
export async function startKubernetes({ workloads = false } = {}): Promise<KubernetesServer> {
  await using started = new AsyncDisposableStack();
  const etcd = started.use(await startEtcd());
  const adminToken = randomBytes(16).toString("hex");
  const apiServer = started.use(await startApiServer(etcd, adminToken));
  const ca = await readFile(caOf(apiServer.folder), "utf8");
  const place: Place = { port: apiServer.port, ca };
  const api: KubernetesServer["api"] = (method, path, body, token = adminToken) =>
    ask(place, { method, path, body, token });
  const kubeconfig = async (path: string, as: KubeconfigUser = { token: adminToken }): Promise<string> => {
    await writeFile(path, configText(place, as), { mode: 0o600 });
    return path;
  };
  if (workloads) {
    const admin = await kubeconfig(join(apiServer.folder, "admin.json"));
    const processes = await Promise.allSettled([
      startController("controller-manager", admin, apiServer.folder),
      startController("scheduler", admin, apiServer.folder),
      startKwok(admin),
    ]);
    for (const process of processes) if (process.status === "fulfilled") started.use(process.value);
    for (const process of processes) if (process.status === "rejected") throw process.reason;
    await makeNode(api);
  }
  const all = started.move();
  return {
    url: `https://127.0.0.1:${apiServer.port}`,
    ca,
    adminToken,
    apiServer,
    etcd,
    api,
    kubeconfig,
    async token(serviceAccount, namespace) {
      const path = `/api/v1/namespaces/${namespace}/serviceaccounts/${serviceAccount}/token`;
      const { status, body } = await api("POST", path, { spec: { expirationSeconds: 3600 } });
      if (status !== 201) throw new Error(`no token for ${namespace}/${serviceAccount}: ${status} ${body.message}`);
      return body.status.token;
    },
    [Symbol.asyncDispose]: () => all.disposeAsync(),
  };
}

async function startEtcd(): Promise<Server> {
  const peers = `http://127.0.0.1:${await freePort()}`;
  return startServer({
    name: "etcd",
    command: ({ port, folder }) => ({
      program: programPath("etcd"),
      args: [
        ...["--data-dir", join(folder, "data"), "--unsafe-no-fsync", "--log-level", "warn"],
        ...["--listen-client-urls", `http://127.0.0.1:${port}`, "--advertise-client-urls", `http://127.0.0.1:${port}`],
        ...[
          "--listen-peer-urls",
          peers,
          "--initial-advertise-peer-urls",
          peers,
          "--initial-cluster",
          `default=${peers}`,
        ],
      ],
    }),
    answers: (port, signal) => answersHttp(port, "/health", signal),
  });
}

const caOf = (folder: string): string => join(folder, "apiserver.crt");

function startApiServer(etcd: Server, adminToken: string): Promise<Server> {
  return startServer({
    name: "kube-apiserver",
    command: async ({ port, folder }) => {
      const file = (name: string): string => join(folder, name);
      if (!existsSync(file("sa.key"))) {
        const { privateKey, publicKey } = generateKeyPairSync("rsa", {
          modulusLength: 2048,
          privateKeyEncoding: { type: "pkcs1", format: "pem" },
          publicKeyEncoding: { type: "spki", format: "pem" },
        });
        await writeFile(file("sa.key"), privateKey);
        await writeFile(file("sa.pub"), publicKey);
        await writeFile(file("tokens.csv"), `${adminToken},admin,admin,system:masters\n`);
      }
      return {
        program: builtProgram("kubernetes"),
        args: [
          ...["apiserver", "--etcd-servers", `http://127.0.0.1:${etcd.port}`],
          // it makes itself a certificate there
          ...["--cert-dir", folder, "--bind-address", "127.0.0.1", "--secure-port", String(port)],
          ...["--service-account-key-file", file("sa.pub"), "--service-account-signing-key-file", file("sa.key")],
          ...[
            "--service-account-issuer",
            "https://kubernetes.default.svc",
            "--service-cluster-ip-range",
            "10.0.0.0/24",
          ],
          ...["--token-auth-file", file("tokens.csv"), "--authorization-mode", "RBAC"],
          // a request that etcd does not answer would take a minute
          ...["--request-timeout", "5s"],
          // pods need no service account then
          ...["--disable-admission-plugins", "ServiceAccount"],
        ],
      };
    },
    answers: async (port, signal) => {
      const { status } = await ask(
        { port, ca: undefined },
        { method: "GET", path: "/readyz", token: adminToken, signal },
      );
      if (status !== 200) throw new Error(`/readyz answered ${status}`);
      // the namespace is made by a hook after that
      const made = await ask(
        { port, ca: undefined },
        { method: "GET", path: "/api/v1/namespaces/default", token: adminToken, signal },
      );
      if (made.status !== 200) throw new Error("there is no namespace default yet");
    },
  });
}

/** The controller manager, with the controllers that Jobs and namespaces need, or the scheduler. */
function startController(part: "controller-manager" | "scheduler", config: string, apiFolder: string): Promise<Server> {
  const controllers = [
    ...["job-controller", "garbage-collector-controller", "ttl-after-finished-controller", "namespace-controller"],
    // without the last one the node keeps the taint that it is not ready
    ...["serviceaccount-controller", "resourcequota-controller", "node-lifecycle-controller"],
  ];
  return startServer({
    name: `kube-${part}`,
    command: ({ port, folder }) => ({
      program: builtProgram("kubernetes"),
      args: [
        ...[part, "--kubeconfig", config, "--leader-elect=false"],
        ...["--bind-address", "127.0.0.1", "--secure-port", String(port), "--cert-dir", folder],
        ...(part === "scheduler"
          ? []
          : [
              ...["--service-account-private-key-file", join(apiFolder, "sa.key"), "--root-ca-file", caOf(apiFolder)],
              `--controllers=${controllers.join(",")}`,
            ]),
      ],
    }),
    answers: async (port, signal) => {
      const { status } = await ask({ port, ca: undefined }, { method: "GET", path: "/healthz", token: "", signal });
      if (status !== 200) throw new Error(`/healthz answered ${status}`);
    },
  });
}

function startKwok(config: string): Promise<Server> {
  return startServer({
    name: "kwok",
    command: ({ port, folder }) => ({
      program: builtProgram("kwok"),
      args: [
        ...["--kubeconfig", config, "--config", fileURLToPath(new URL("./kubernetes/stages.yaml", import.meta.url))],
        ...["--manage-all-nodes", "--node-ip", "127.0.0.1", "--server-address", `127.0.0.1:${port}`],
      ],
      // it keeps files of its own at home
      env: { HOME: folder },
    }),
    answers: (port, signal) => answersHttp(port, "/healthz", signal),
  });
}

/** A node with room for everything, ready and without taints when this resolves. */
async function makeNode(api: KubernetesServer["api"]): Promise<void> {
  const path = "/api/v1/nodes";
  const made = await api("POST", path, { apiVersion: "v1", kind: "Node", metadata: { name: "node" } });
  if (made.status !== 201) throw new Error(`the node could not be made: ${made.body.message}`);
  for (let tries = 0; tries < 600; tries++) {
    const { body } = await api("GET", `${path}/node`);
    const conditions: readonly { type: string; status: string }[] = body.status?.conditions ?? [];
    const ready = conditions.some(({ type, status }) => type === "Ready" && status === "True");
    if (ready && (body.spec?.taints ?? []).length === 0) return;
    await pause(50);
  }
  throw new Error("the node did not become ready");
}

interface Place {
  readonly port: number;
  /** undefined: not checked. */
  readonly ca: string | undefined;
}

interface Ask {
  readonly method: string;
  readonly path: string;
  readonly body?: unknown;
  readonly token: string;
  readonly signal?: AbortSignal;
}

function ask({ port, ca }: Place, { method, path, body, token, signal }: Ask): Promise<KubeAnswer> {
  const { promise, resolve, reject } = Promise.withResolvers<KubeAnswer>();
  const trust = ca === undefined ? { rejectUnauthorized: false } : { ca };
  const type = method === "PATCH" ? "application/merge-patch+json" : "application/json";
  const headers = { accept: "application/json", "content-type": type };
  const authorization = token === "" ? {} : { authorization: `Bearer ${token}` };
  const options = { method, host: "127.0.0.1", port, path, headers: { ...headers, ...authorization }, ...trust };
  const sent = request({ ...options, ...(signal === undefined ? {} : { signal }) }, (response) => {
    const chunks: Buffer[] = [];
    response.on("data", (chunk: Buffer) => chunks.push(chunk));
    response.on("error", reject);
    response.on("end", () => {
      const text = Buffer.concat(chunks).toString();
      const json = response.headers["content-type"]?.startsWith("application/json") === true;
      resolve({ status: response.statusCode ?? 0, body: json ? JSON.parse(text) : text });
    });
  });
  sent.on("error", reject);
  sent.end(body === undefined ? undefined : JSON.stringify(body));
  return promise;
}

function configText({ port, ca = "" }: Place, user: KubeconfigUser): string {
  return JSON.stringify(
    {
      apiVersion: "v1",
      kind: "Config",
      clusters: [
        {
          name: "test",
          cluster: {
            server: `https://127.0.0.1:${port}`,
            "certificate-authority-data": Buffer.from(ca).toString("base64"),
          },
        },
      ],
      users: [{ name: "tester", user }],
      contexts: [{ name: "test", context: { cluster: "test", user: "tester" } }],
      "current-context": "test",
    },
    undefined,
    2,
  );
}
