import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { openCluster } from "../../test/cluster.ts";
import { type ConfigMaps, done, heard, lines, makeConfigMaps } from "../../test/config-maps.ts";
import { describeWithServer } from "../../test/servers/describe.ts";
import { controlPlane, type KubernetesServer, startKubernetes } from "../../test/servers/kubernetes.ts";
import { until } from "../../test/until.ts";
import type { Cluster } from "../kit/cluster.ts";
import { dataOf, type Trial, type TrialOptions, trial } from "../kit/testing.ts";
import { resource } from "./resource.ts";

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

  const start = (config: object = {}, options: TrialOptions = {}): Trial => {
    const { namespace } = maps;
    const whole = {
      version: "v1",
      resource: "configmaps",
      namespace,
      eventTypes: ["ADD", "UPDATE", "DELETE"],
      ...config,
    };
    return running.use(trial(resource, whole, { cluster, restart: true, ...options }));
  };

  describe("what happens while it watches", () => {
    it("is told once, with the object before it", async () => {
      const source = start({ metadata: { team: "x" } });
      await source.ready();
      const made = await maps.create("a");
      await maps.update("a", "<2>");
      await maps.remove("a");
      await heard(source, ["ADD a 1", "UPDATE a <2> was 1", "DELETE a <2>"]);
      const [add, changed, deleted] = source.taken;
      const { uid, resourceVersion } = made.metadata;
      expect(add?.draft.upstreamId).toBe(`${uid}/${resourceVersion}/ADD`);
      expect(add?.draft.sentUs).toBe(Date.parse(made.metadata.creationTimestamp) * 1000);
      expect(changed?.draft.upstreamId).toMatch(new RegExp(`^${uid}/\\d+/UPDATE$`));
      expect(deleted?.draft.upstreamId).toMatch(new RegExp(`^${uid}/\\d+/DELETE$`));
      const text = add === undefined ? "" : dataOf(add).text;
      expect(text).toMatch(/^\{"type":"ADD","body":\{"apiVersion":"v1","data":\{"value":"1"\},"kind":"ConfigMap",/);
      const end = ',"oldBody":null,"group":"","version":"v1","resource":"configmaps","metadata":{"team":"x"}}';
      expect(text.endsWith(end)).toBe(true);
      expect(dataOf(changed ?? source.taken[0] ?? ({} as never)).text).toContain('"value":"\\u003c2\\u003e"');
    });

    it("is told of the wanted types alone", async () => {
      const source = start({ eventTypes: ["UPDATE"] });
      await source.ready();
      await maps.create("a");
      await maps.update("a", "2");
      await maps.remove("a");
      await maps.create("b");
      await maps.update("b", "2");
      await heard(source, ["UPDATE a 2 was 1", "UPDATE b 2 was 1"]);
    });

    it("in all namespaces, where none is named", async () => {
      const source = start({ namespace: "", filter: { prefix: `${maps.namespace}-` } });
      await source.ready();
      await maps.create(`${maps.namespace}-a`);
      await done(
        server.api("POST", "/api/v1/namespaces/default/configmaps", { metadata: { name: `${maps.namespace}-b` } }),
      );
      await heard(source, [`ADD ${maps.namespace}-a 1`, `ADD ${maps.namespace}-b ?`]);
    });

    it("is told without what was before it, where both are too large for an event", async () => {
      const source = start();
      await source.ready();
      const [kept, large] = ["k".repeat(505_000), "l".repeat(600_000)];
      await maps.create("a", kept);
      await maps.update("a", kept.replace("k", "K"));
      await maps.update("a", large);
      await maps.update("a", "3");
      await maps.update("a", "4");
      const short = (line: string) => line.slice(0, 20);
      await until("all", () => source.taken.length >= 5);
      expect(lines(source).map(short)).toEqual([
        ...["ADD a kkkkkkkkkkkkkk", "UPDATE a Kkkkkkkkkkk", "UPDATE a lllllllllll", "UPDATE a 3", "UPDATE a 4 was 3"],
      ]);
    });

    it("waits for a bus that is down", async () => {
      const source = start();
      await source.ready();
      source.break();
      await maps.create("a");
      await maps.update("a", "2");
      await until("it asks the bus in vain", () => source.emits > 0);
      source.mend();
      await heard(source, ["ADD a 1", "UPDATE a 2 was 1"]);
      expect(source.restarts).toEqual([]);
    });
  });

  describe("what was there before", () => {
    it("is an ADD each, once, however often it starts", async () => {
      for (let i = 0; i < 120; i++) await maps.create(`a${i}`);
      const first = start();
      await until("all of them", () => first.taken.length >= 120);
      await first.stop();
      expect(new Set(lines(first)).size).toBe(120);
      const again = start({}, { checkpoint: first.checkpoint });
      await again.ready();
      await maps.settle(again);
      expect(lines(again)).toEqual(["ADD mark-0 1"]);
    });

    it("is passed over with afterStart", async () => {
      await maps.create("a");
      const source = start({ filter: { afterStart: true } });
      await source.ready();
      await maps.update("a", "2");
      await maps.create("b");
      await heard(source, ["UPDATE a 2 was 1", "ADD b 1"]);
    });

    it("is looked at anew where the entry names other objects", async () => {
      await maps.create("a");
      const first = start();
      await heard(first, ["ADD a 1"]);
      await first.stop();
      const other = { resource: "secrets", filter: { afterStart: true } };
      const secrets = start(other, { checkpoint: first.checkpoint });
      await secrets.ready();
      await secrets.stop();
      expect(secrets.taken).toEqual([]);
      const back = start({}, { checkpoint: first.checkpoint });
      await heard(back, ["ADD a 1"]);
    });
  });

  describe("filters", () => {
    it("choose by labels, which the API server looks at", async () => {
      const labels = [
        { key: "tier", value: "web" },
        { key: "zone", operation: "in", value: "a,b" },
        { key: "off", operation: "!" },
      ];
      const source = start({ filter: { labels } });
      await source.ready();
      await maps.create("no", "1", { tier: "web" });
      await maps.create("off", "1", { tier: "web", zone: "a", off: "1" });
      await maps.create("yes", "1", { tier: "web", zone: "b" });
      await done(server.api("PATCH", maps.path("yes"), { metadata: { labels: { zone: "c" } } }));
      await done(server.api("PATCH", maps.path("yes"), { metadata: { labels: { zone: "a" } } }));
      await heard(source, ["ADD yes 1", "DELETE yes 1", "ADD yes 1"]);
      expect(source.taken.every(({ receipt }) => receipt.outcome === "stored")).toBe(true);
    });

    it("choose by name, fields and time of creation", async () => {
      const fields = [
        { key: "data.value", operation: "==", value: "^[ab]" },
        { key: "data.value", operation: "!=", value: "z" },
        { key: "metadata.uid", value: "" },
      ];
      const source = start({ filter: { prefix: "p-", fields, createdBy: "2999-01-01T00:00:00Z" } });
      const none = start({ filter: { createdBy: "2001-01-01T00:00:00Z" } });
      await source.ready();
      await none.ready();
      await maps.create("a", "a");
      await maps.create("p-c", "c");
      await maps.create("p-az", "az");
      await maps.create("p-a", "a");
      await heard(source, ["ADD p-a a"]);
      expect(none.taken).toEqual([]);
    });
  });

  it("what its account may not do is told, with the rule to add, and goes on once it is allowed", async () => {
    const name = "watcher";
    await done(server.api("POST", `/api/v1/namespaces/${maps.namespace}/serviceaccounts`, { metadata: { name } }));
    const token = await server.token(name, maps.namespace);
    const theirs = running.use(await openCluster(server, { token }));
    const source = start({}, { cluster: theirs });
    await source.until(({ status }) => typeof status === "object");
    const { waiting } = source.status as { readonly waiting: string };
    expect(waiting).toContain(`list configmaps ${maps.namespace}`);
    expect(waiting).toContain(`to the ServiceAccount ${name} of namespace ${maps.namespace}`);
    const rbac = `/apis/rbac.authorization.k8s.io/v1/namespaces/${maps.namespace}`;
    const rules = [{ apiGroups: [""], resources: ["configmaps"], verbs: ["list", "watch"] }];
    await done(server.api("POST", `${rbac}/roles`, { metadata: { name }, rules }));
    await done(
      server.api("POST", `${rbac}/rolebindings`, {
        metadata: { name },
        roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "Role", name },
        subjects: [{ kind: "ServiceAccount", name, namespace: maps.namespace }],
      }),
    );
    await source.ready(15_000);
    await maps.create("a");
    await heard(source, ["ADD a 1"]);
    expect(source.restarts).toEqual([]);
  }, 30_000);

  it("a kind that is not there is waited for", async () => {
    const source = start({ group: "odd.example.com", resource: "oddities" });
    await source.until(({ status }) => typeof status === "object");
    expect(source.status).toEqual({ waiting: expect.stringContaining("odd.example.com/v1") });
  });
});

describe("resource", () => {
  it("needs a cluster", async () => {
    await using source = trial(resource, { version: "v1", resource: "pods", eventTypes: ["ADD"] });
    await expect(source.ready()).rejects.toMatchObject({ code: "CLUSTER_MISSING" });
  });

  it("says what of an entry cannot work", () => {
    const found = (filter: object) =>
      [
        ...(resource.lint?.(resource.config.parse({ version: "v1", resource: "pods", eventTypes: ["ADD"], filter })) ??
          []),
      ].map(({ code, path }) => `${code} ${path.join(".")}`);
    expect(found({ labels: [{ key: "a", operation: "like", value: "b" }] })).toEqual([
      "FIELD_VALUE filter.labels.0.operation",
    ]);
    expect(found({ labels: [{ key: "a", operation: "exists", value: "b" }] })).toEqual([
      "FIELD_VALUE filter.labels.0.value",
    ]);
    expect(found({ labels: [{ key: "a", operation: "gt", value: "b" }] })).toEqual([
      "FIELD_VALUE filter.labels.0.value",
    ]);
    expect(found({ fields: [{ key: "a", operation: "exists" }] })).toEqual(["FIELD_VALUE filter.fields.0.operation"]);
    expect(found({ fields: [{ key: "a", value: "(" }] })).toEqual(["EXPRESSION_INVALID filter.fields.0.value"]);
    expect(found({ createdBy: "yesterday" })).toEqual(["FIELD_VALUE filter.createdBy"]);
    expect(found({ createdBy: "2026-01-05T09:00:00Z", labels: [{ key: "a", operation: "!" }] })).toEqual([]);
  });
});
