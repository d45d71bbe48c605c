import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Cluster } from "../src/kit/cluster.ts";
import { systemClock } from "../src/lib/clock.ts";
import { openKubernetes } from "../src/runtime/cluster.ts";
import type { KubeconfigUser, KubernetesServer } from "./servers/kubernetes.ts";

/** A client of a real API server, as a run has it; of the administrator unless it says else. */
export async function openCluster(server: KubernetesServer, as?: KubeconfigUser): Promise<Cluster & AsyncDisposable> {
  const folder = await mkdtemp(join(tmpdir(), "tidemill-cluster-"));
  const kubeconfig = await server.kubeconfig(join(folder, "config"), as);
  const cluster = await openKubernetes({ kubeconfig }, { env: {}, clock: systemClock });
  if (cluster === undefined) throw new Error("a kubeconfig that was named is a choice");
  return Object.assign(cluster, {
    [Symbol.asyncDispose]: async () => {
      await Object.getPrototypeOf(cluster)[Symbol.asyncDispose].call(cluster);
      await rm(folder, { recursive: true });
    },
  });
}
