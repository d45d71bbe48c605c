import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { describeWithServer } from "../../../test/servers/describe.ts";
import { controlPlane, type KubernetesServer, startKubernetes } from "../../../test/servers/kubernetes.ts";
import { until } from "../../../test/until.ts";
import { systemClock } from "../../lib/clock.ts";
import { KubeCluster } from "../cluster/kube-cluster.ts";
import { readKubeconfig } from "../cluster/kubeconfig.ts";
import { k8s } from "../k8s.ts";
import { trial } from "../trial.ts";
import { merged } from "./object.ts";

const argo = "events.argoproj.io";

describeWithServer(controlPlane, () => {
  let server: KubernetesServer;
  let folder: string;
  let cluster: KubeCluster;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "tidemill-kube-"));
    server = await startKubernetes();
    const file = await server.kubeconfig(join(folder, "admin"));
    cluster = new KubeCluster({
      load: () => readKubeconfig({ file, context: undefined, env: {} }),
      env: {},
      clock: systemClock,
      sdk: (_, load) => load(),
    });
  }, 90_000);
  afterAll(async () => {
    await cluster?.[Symbol.asyncDispose]();
    await server?.[Symbol.asyncDispose]();
    await rm(folder, { recursive: true });
  });

  const deployment = (name: string, spec: object = {}) => ({
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name },
    spec: {
      selector: { matchLabels: { app: name } },
      template: { metadata: { labels: { app: name } }, spec: { containers: [{ name: "web", image: "web:1" }] } },
      ...spec,
    },
  });

  /** Fires once, and answers what it said and what is in the cluster afterwards. */
  async function fire(config: object, call: { readonly resource?: string; readonly trigger?: string } = {}) {
    await using one = await trial(k8s, config, { cluster });
    return one.fire(call);
  }
  const live = async (path: string) => (await server.api("GET", path)).body;
  const deployments = "/apis/apps/v1/namespaces/default/deployments";

  it("create adds Argo's labels, with values that a label can have", async () => {
    const outcome = await fire({ source: { resource: deployment("made") } }, { trigger: "a trigger/with blanks " });
    expect(outcome).toEqual({
      said: "created deployment default/made",
      object: { apiVersion: "apps/v1", kind: "Deployment", namespace: "default", name: "made" },
    });
    expect((await live(`${deployments}/made`)).metadata.labels).toEqual({
      [`${argo}/sensor`]: "shop",
      [`${argo}/trigger`]: "a-trigger-with-blanks",
      [`${argo}/action-timestamp`]: expect.stringMatching(/^\d{13}$/),
      "tidemill/firing": "f".repeat(32),
    });
  });

  it("makes what has no namespace without one", async () => {
    const resource = {
      apiVersion: "scheduling.k8s.io/v1",
      kind: "PriorityClass",
      metadata: { name: "high" },
      value: 5,
    };
    expect((await fire({ source: { resource } })).said).toBe("created priorityclass high");
    expect((await fire({ source: { resource }, operation: "delete" })).said).toBe("deleted priorityclass high");
  });

  describe("update", () => {
    it("leaves numbers of 64 bits as they are, wherever they stand", async () => {
      const group = "large.example.com";
      const schema = { openAPIV3Schema: { type: "object", "x-kubernetes-preserve-unknown-fields": true } };
      await server.api("POST", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", {
        metadata: { name: `measures.${group}` },
        spec: {
          group,
          scope: "Namespaced",
          names: { kind: "Measure", plural: "measures" },
          versions: [{ name: "v1", served: true, storage: true, schema }],
        },
      });
      const place = { apiVersion: `${group}/v1`, kind: "Measure" };
      const text = (spec: string) =>
        `{"apiVersion":"${group}/v1","kind":"Measure","metadata":{"name":"m"},"spec":${spec}}`;
      const config = { source: { resource: { ...place, metadata: { name: "m" } } } };
      await until("the kind is there", () => fire(config, { resource: text('{"ns":1700000000000000001,"n":1}') }));
      const change = text('{"other":-9007199254740993,"n":2}');
      await fire({ ...config, operation: "update" }, { resource: change });
      const now = await cluster.get({ ...place, namespace: "default", name: "m" }, new AbortController().signal);
      expect(JSON.stringify(now?.spec)).toBe('{"n":2,"ns":1700000000000000001,"other":-9007199254740993}');
      await fire({ ...config, operation: "update" }, { resource: text('{"ns":1700000000000000003}') });
      const later = await cluster.get({ ...place, namespace: "default", name: "m" }, new AbortController().signal);
      expect(JSON.stringify(later?.spec)).toContain('"ns":1700000000000000003');
    });

    it("merges into the object that is there and leaves its labels alone, zero values included", async () => {
      await server.api("POST", deployments, deployment("web", { replicas: 3, paused: true }));
      const change = { ...deployment("web"), spec: { replicas: 0, paused: false } };
      const { said } = await fire({ source: { resource: change }, operation: "update" });
      const { metadata, spec } = await live(`${deployments}/web`);
      expect(said).toBe("updated deployment default/web");
      expect([spec.replicas, spec.paused, spec.template.spec.containers[0].image]).toEqual([0, undefined, "web:1"]);
      expect(metadata.labels).toBeUndefined();
    });

    it("makes the object, with its labels, where there is none", async () => {
      expect((await fire({ source: { resource: deployment("fresh") }, operation: "update" })).said).toBe(
        "created deployment default/fresh",
      );
      expect((await live(`${deployments}/fresh`)).metadata.labels[`${argo}/sensor`]).toBe("shop");
    });

    it("of a live object lets parameters see the object that is there, and never writes over a newer one", async () => {
      await server.api("POST", deployments, deployment("live", { replicas: 7 }));
      const source = { resource: { apiVersion: "apps/v1", kind: "Deployment", metadata: { name: "live" } } };
      const config = { source, operation: "update", liveObject: true };
      let seen = "";
      const watched = {
        ...k8s,
        fire: async (call: Parameters<typeof k8s.fire>[0]) => {
          seen = call.resource ?? "";
          const object = JSON.parse(seen);
          object.spec.replicas += 1;
          return k8s.fire({ ...call, resource: JSON.stringify(object) });
        },
      };
      await using one = await trial(watched, config, { cluster });
      await one.fire();
      expect(JSON.parse(seen).spec.template.spec.containers[0].image).toBe("web:1");
      expect((await live(`${deployments}/live`)).spec.replicas).toBe(8);
      // what was read before somebody else wrote
      await expect(one.fire({ resource: seen })).rejects.toMatchObject({ code: "RESOURCE_CONFLICT", retry: "backoff" });
      await expect(fire({ ...config, source: { resource: deployment("nobody") } })).rejects.toMatchObject({
        code: "RESOURCE_MISSING",
      });
    });
  });

  describe("patch", () => {
    it("is a merge patch unless it says else, and makes what is missing", async () => {
      const patch = (spec: object, more: object = {}) =>
        fire({ source: { resource: { ...deployment("patched", spec), ...more } }, operation: "patch" });
      expect((await patch({ replicas: 1 })).said).toBe("created deployment default/patched");
      expect((await patch({ replicas: 2, paused: true })).said).toBe("patched deployment default/patched");
      await patch({ paused: null });
      const { spec } = await live(`${deployments}/patched`);
      expect([spec.replicas, spec.paused]).toEqual([2, undefined]);
    });

    it("takes a JSON patch as a list beside the object's name, a strategic one, and server-side apply", async () => {
      await server.api("POST", deployments, deployment("many"));
      const source = (more: object) => ({
        resource: { apiVersion: "apps/v1", kind: "Deployment", metadata: { name: "many" }, ...more },
      });
      const operations = [{ op: "replace", path: "/spec/template/spec/containers/0/image", value: "web:2" }];
      const json = { operation: "patch", patchStrategy: "application/json-patch+json" };
      await fire({ ...json, source: source({ patch: operations }) });
      const added = { template: { spec: { containers: [{ name: "log", image: "log:1" }] } } };
      const strategic = { operation: "patch", patchStrategy: "application/strategic-merge-patch+json" };
      await fire({ ...strategic, source: source({ spec: added }) });
      const apply = { operation: "patch", patchStrategy: "application/apply-patch+yaml" };
      await fire({ ...apply, source: source({ spec: { ...deployment("many").spec, replicas: 4 } }) });
      const { spec } = await live(`${deployments}/many`);
      const images = spec.template.spec.containers.map(({ image }: { image: string }) => image);
      expect([images.sort(), spec.replicas]).toEqual([["log:1", "web:1"], 4]);
      await expect(fire({ ...json, source: source({}) })).rejects.toMatchObject({ code: "RESOURCE_INVALID" });
      const bad = [{ op: "test", path: "/spec/replicas", value: 5 }];
      await expect(fire({ ...json, source: source({ patch: bad }) })).rejects.toMatchObject({
        code: "CLUSTER_REFUSED",
      });
    });
  });

  it("delete takes a missing object for a success", async () => {
    const config = { source: { resource: deployment("made") }, operation: "delete" };
    expect(await fire(config)).toEqual({ said: "deleted deployment default/made" });
    expect(await fire(config)).toEqual({ said: "deployment default/made was not there" });
  });
});

describe("merged", () => {
  it("replaces everything but maps by maps, which it merges", () => {
    const there = { spec: { replicas: 3, suspend: true, l: [1, 2], s: "a", m: { a: 1, b: 2 } }, a: [1], b: { x: 1 } };
    const change = { spec: { replicas: 0, suspend: false, l: [], s: "", m: {}, n: null }, a: { x: 1 }, b: 5 };
    const spec = { replicas: 0, suspend: false, l: [], s: "", m: { a: 1, b: 2 }, n: null };
    expect(merged(there, change)).toEqual({ spec, a: { x: 1 }, b: 5 });
  });

  it("keeps __proto__ as data, and what is merged twice is merged once", () => {
    const change = JSON.parse('{"__proto__":{"a":1}}');
    expect(Object.keys(merged({}, change))).toEqual(["__proto__"]);
    expect(({} as { a?: unknown }).a).toBeUndefined();
    const map = fc.dictionary(fc.string(), fc.jsonValue());
    fc.assert(
      fc.property(map, map, (a, b) => {
        expect(merged(merged(a, b), b)).toEqual(merged(a, b));
      }),
    );
  });
});
