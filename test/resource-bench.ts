import { afterAll, afterEach, beforeAll, beforeEach } from "vitest";
import type { Cluster } from "../src/kit/cluster.ts";
import { type Trial, type TrialOptions, trial } from "../src/kit/testing.ts";
import { resource } from "../src/sources/resource.ts";
import { openCluster } from "./cluster.ts";
import { type ConfigMaps, makeConfigMaps } from "./config-maps.ts";
import { describeWithServer } from "./servers/describe.ts";
import { controlPlane, type KubernetesServer, startKubernetes } from "./servers/kubernetes.ts";

/** What tests of the `resource` source have at hand; `maps` and what `start` began are of one test. */
export interface ResourceBench {
  readonly server: KubernetesServer;
  readonly cluster: Cluster;
  readonly maps: ConfigMaps;
  readonly running: AsyncDisposableStack;
  /** Starts the source on all changes of the ConfigMaps, unless told otherwise. */
  start(config?: object, options?: TrialOptions): Trial;
}

/** A `describe` around one API server, with a namespace of its own for each test. */
export function describeResource(tests: (bench: ResourceBench) => void): void {
  describeWithServer(controlPlane, () => {
    let server: KubernetesServer;
    let cluster: Cluster & AsyncDisposable;
    let running: AsyncDisposableStack;
    let maps: ConfigMaps;
    let namespaces = 0;

    beforeAll(async () => {
      server = await startKubernetes();
      cluster = await openCluster(server);
    }, 90_000);
    afterAll(async () => {
      await cluster?.[Symbol.asyncDispose]();
      await server?.[Symbol.asyncDispose]();
    });
    beforeEach(async () => {
      running = new AsyncDisposableStack();
      maps = await makeConfigMaps(server, `r${++namespaces}`);
    });
    afterEach(() => running.disposeAsync());

    tests({
      get server() {
        return server;
      },
      get cluster() {
        return cluster;
      },
      get maps() {
        return maps;
      },
      get running() {
        return running;
      },
      start(config = {}, options = {}) {
        const { namespace } = maps;
        const eventTypes = ["ADD", "UPDATE", "DELETE"];
        const whole = { version: "v1", resource: "configmaps", namespace, eventTypes, ...config };
        return running.use(trial(resource, whole, { cluster, restart: true, ...options }));
      },
    });
  });
}
