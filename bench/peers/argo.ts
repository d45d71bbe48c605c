import { spawnSync } from "node:child_process";
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseAllDocuments } from "yaml";
import { makeIdentity } from "../../examples/stand-in/certificate.ts";
import type { Rig } from "../figure.ts";
import { type Child, freePort, start } from "../processes.ts";
import { webhookManifest } from "../systems.ts";
import type { System, Target } from "../traffic.ts";

export const argoMissing = "Argo Events was not run: `ARGO_EVENTS_BIN` names no binary";

/**
 * Argo Events on JetStream as its controller would run it, without a cluster: nats-server, one process for the EventSource,
 * one for the Sensor (`ARGO_EVENTS_BIN`, `NATS_SERVER_BIN`). Its processes all serve metrics at port 7777, so that the Sensor's has a
 * network of its own, from which the target and NATS are reached at `hostAddress`: that needs root and iproute2.
 */
const namespace = "tidemill-bench";
const hostAddress = "10.213.77.1";
const sensorAddress = "10.213.77.2";

/** The main case's manifest; undefined unless `ARGO_EVENTS_BIN` names a binary. */
export async function startArgo(rig: Rig, target: Target): Promise<(System & AsyncDisposable) | undefined> {
  const port = await freePort();
  const child = await startArgoWith(rig, target, webhookManifest(port, target.url));
  if (child === undefined) return undefined;
  return { name: "Argo Events", child, port, path: "/orders", [Symbol.asyncDispose]: child[Symbol.asyncDispose] };
}

/** Any manifest with one EventSource and one Sensor. */
export async function startArgoWith(rig: Rig, target: Target, manifest: string): Promise<Child | undefined> {
  const binary = process.env.ARGO_EVENTS_BIN;
  if (!binary) return undefined;
  if (!existsSync(binary)) throw new Error(`ARGO_EVENTS_BIN: there is no ${binary}`);
  await using opened = new AsyncDisposableStack();
  opened.use(ownNetwork());
  await target.listenAt(hostAddress);
  const nats = opened.use(await startNats(rig));
  const objects = objectsOf(manifest);
  const env = { ...objects, ...busOf(nats.port), KUBECONFIG: kubeconfig(rig), POD_NAME: "bench-0" };
  // the Sensor first: what was published before it subscribed does not come to it
  const inside = ["ip", "netns", "exec", namespace, binary, "sensor-service"];
  const sensor = opened.use(await start(inside, /started subscribing/, env));
  const ready = manifest.includes("webhook:") ? /route is activated/ : /Eventing server started/;
  const source = opened.use(await start([binary, "eventsource-service"], ready, env));
  const parts = [nats.child, source, sensor];
  const all = opened.move();
  return together(parts, () => all.disposeAsync());
}

/** The two objects as the controller hands them to its processes; the Sensor's target where its process reaches it. */
function objectsOf(manifest: string): Record<string, string> {
  const env: Record<string, string> = {};
  for (const document of parseAllDocuments(manifest)) {
    const object = document.toJS() as { readonly kind: string; readonly metadata: object };
    const named = { ...object, metadata: { namespace: "default", ...object.metadata } };
    const isSensor = object.kind === "Sensor";
    const text = JSON.stringify(named).replaceAll("127.0.0.1", isSensor ? hostAddress : "127.0.0.1");
    env[isSensor ? "SENSOR_OBJECT" : "EVENTSOURCE_OBJECT"] = Buffer.from(text).toString("base64");
  }
  return env;
}

/** Stream settings as the controller's defaults, without its limit of 50,000 messages. */
function busOf(natsPort: number): Record<string, string> {
  const streamConfig =
    "maxMsgs: -1\nmaxAge: 168h\nmaxBytes: -1\nreplicas: 1\nduplicates: 300s\nretention: 0\ndiscard: 0\n";
  const bus = { jetstream: { url: `nats://${hostAddress}:${natsPort}`, streamConfig } };
  return {
    EVENTBUS_CONFIG: Buffer.from(JSON.stringify(bus)).toString("base64"),
    EVENTBUS_SUBJECT: "eventbus-default",
  };
}

/** It reads one, and asks nothing of the cluster for an HTTP trigger. */
function kubeconfig(rig: Rig): string {
  const file = join(rig.folder("kube"), "config");
  const config = {
    apiVersion: "v1",
    kind: "Config",
    "current-context": "none",
    clusters: [{ name: "none", cluster: { server: "http://127.0.0.1:9" } }],
    users: [{ name: "none", user: {} }],
    contexts: [{ name: "none", context: { cluster: "none", user: "none" } }],
  };
  writeFileSync(file, JSON.stringify(config));
  return file;
}

/** Argo Events speaks TLS with it, always, and looks at no certificate. */
async function startNats(rig: Rig): Promise<{ readonly port: number; readonly child: Child } & AsyncDisposable> {
  const port = await freePort();
  const folder = rig.folder("nats");
  const { privateKey, certificate } = await makeIdentity("nats", new Date());
  const [cert, key] = [join(folder, "cert.pem"), join(folder, "key.pem")];
  writeFileSync(cert, certificate);
  writeFileSync(key, privateKey.export({ type: "pkcs8", format: "pem" }));
  const where = ["-a", hostAddress, "-p", String(port), "-js", "-sd", join(folder, "data")];
  const tls = ["--tls", "--tlscert", cert, "--tlskey", key];
  const child = await start([process.env.NATS_SERVER_BIN ?? "nats-server", ...where, ...tls], /Server is ready/);
  return { port, child, [Symbol.asyncDispose]: child[Symbol.asyncDispose] };
}

/** A network with one cable to this one. */
function ownNetwork(): Disposable {
  const [here, there] = ["tm-bench-0", "tm-bench-1"];
  const ip = (line: string, mayFail = false): void => {
    const { status, stderr, error } = spawnSync("ip", line.split(" "), { encoding: "utf8" });
    if (status !== 0 && !mayFail) throw new Error(`ip ${line}: ${error?.message ?? stderr.trim()}`);
  };
  // left over by a run that was killed
  ip(`netns del ${namespace}`, true);
  ip(`link del ${here}`, true);
  ip(`netns add ${namespace}`);
  ip(`link add ${here} type veth peer name ${there} netns ${namespace}`);
  ip(`addr add ${hostAddress}/30 dev ${here}`);
  ip(`link set ${here} up`);
  ip(`-n ${namespace} addr add ${sensorAddress}/30 dev ${there}`);
  ip(`-n ${namespace} link set ${there} up`);
  ip(`-n ${namespace} link set lo up`);
  return {
    [Symbol.dispose]() {
      ip(`netns del ${namespace}`, true);
      ip(`link del ${here}`, true);
    },
  };
}

/** Several processes as one: what they take together. */
function together(parts: readonly Child[], end: () => Promise<void>): Child {
  const sum = (of: (child: Child) => number): number => parts.reduce((all, one) => all + of(one), 0);
  const [first] = parts;
  return {
    pid: first?.pid ?? 0,
    readyMs: sum(({ readyMs }) => readyMs),
    cpuMs: () => sum((one) => one.cpuMs()),
    quietCpuMs: async () =>
      (await Promise.all(parts.map((one) => one.quietCpuMs()))).reduce((all, one) => all + one, 0),
    rssAnonMb: () => sum((one) => one.rssAnonMb()),
    vmRssMb: () => sum((one) => one.vmRssMb()),
    handles: () => sum((one) => one.handles()),
    [Symbol.asyncDispose]: end,
  };
}
