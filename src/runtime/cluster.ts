import type { Cluster } from "../kit/cluster.ts";
import type { Clock } from "../lib/clock.ts";
import { type Log, silentLog } from "../lib/log.ts";
import type { ClusterConfig } from "../triggers/cluster/kubeconfig.ts";
import { loadSdk } from "./sdk.ts";

/** Which cluster objects go to. */
export interface ClusterChoice {
  /** A kubeconfig; undefined: `KUBECONFIG` or `~/.kube/config`, but only where a `context` is named. */
  readonly kubeconfig?: string | undefined;
  readonly context?: string | undefined;
}

/**
 * The cluster that was chosen, or the one whose pod this is; undefined when neither. The machine's current context alone
 * is no choice: a manifest that is tried out must not change whatever cluster one happened to look at last. Nothing is
 * connected before the first object; a kubeconfig that cannot be read is told at once: rejects with CLUSTER_CONFIG.
 */
export async function openKubernetes(
  { kubeconfig, context }: ClusterChoice,
  cx: { readonly env: Readonly<Record<string, string | undefined>>; readonly clock: Clock; readonly log?: Log },
): Promise<(Cluster & AsyncDisposable) | undefined> {
  const { env, clock, log = silentLog } = cx;
  const chosen = kubeconfig !== undefined || context !== undefined;
  if (!chosen && !env.KUBERNETES_SERVICE_HOST) return undefined;
  const { KubeCluster } = await import("../triggers/cluster/kube-cluster.ts");
  const { fault, inClusterConfig, readKubeconfig } = await import("../triggers/cluster/kubeconfig.ts");
  const load = async (): Promise<ClusterConfig> => {
    const config = chosen ? await readKubeconfig({ file: kubeconfig, context, env }) : inClusterConfig(env);
    if (config === undefined) throw fault("KUBERNETES_SERVICE_HOST is gone");
    return config;
  };
  const { server, shown } = await load();
  log.info({ server }, `Kubernetes objects go to ${shown}`);
  return new KubeCluster({ load, env, clock, sdk: loadSdk });
}
