import { describe, expect, it } from "vitest";
import { openCluster } from "../../test/cluster.ts";
import { done, heard, lines } from "../../test/config-maps.ts";
import { describeResource } from "../../test/resource-bench.ts";
import { until } from "../../test/until.ts";
import { dataOf, trial } from "../kit/testing.ts";
import { resource } from "./resource.ts";

describeResource((bench) => {
  describe("what happens while it watches", () => {
    it("is told once, with the object before it", async () => {
      const source = bench.start({ metadata: { team: "x" } });
      await source.ready();
      const made = await bench.maps.create("a");
      await bench.maps.update("a", "<2>");
      await bench.maps.remove("a");
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
      const source = bench.start({ eventTypes: ["UPDATE"] });
      await source.ready();
      await bench.maps.create("a");
      await bench.maps.update("a", "2");
      await bench.maps.remove("a");
      await bench.maps.create("b");
      await bench.maps.update("b", "2");
      await heard(source, ["UPDATE a 2 was 1", "UPDATE b 2 was 1"]);
    });

    it("in all namespaces, where none is named", async () => {
      const source = bench.start({ namespace: "", filter: { prefix: `${bench.maps.namespace}-` } });
      await source.ready();
      await bench.maps.create(`${bench.maps.namespace}-a`);
      await done(
        bench.server.api("POST", "/api/v1/namespaces/default/configmaps", {
          metadata: { name: `${bench.maps.namespace}-b` },
        }),
      );
      await heard(source, [`ADD ${bench.maps.namespace}-a 1`, `ADD ${bench.maps.namespace}-b ?`]);
    });

    it("is told without what was before it, where both are too large for an event", async () => {
      const source = bench.start();
      await source.ready();
      const [kept, large] = ["k".repeat(505_000), "l".repeat(600_000)];
      await bench.maps.create("a", kept);
      await bench.maps.update("a", kept.replace("k", "K"));
      await bench.maps.update("a", large);
      await bench.maps.update("a", "3");
      await bench.maps.update("a", "4");
      const short = (line: string) => line.slice(0, 20);
      await until("all", () => source.taken.length >= 5);
      expect(lines(source).map(short)).toEqual([
        ...["ADD a kkkkkkkkkkkkkk", "UPDATE a Kkkkkkkkkkk", "UPDATE a lllllllllll", "UPDATE a 3", "UPDATE a 4 was 3"],
      ]);
    });

    it("waits for a bus that is down", async () => {
      const source = bench.start();
      await source.ready();
      source.break();
      await bench.maps.create("a");
      await bench.maps.update("a", "2");
      await until("it asks the bus in vain", () => source.emits > 0);
      source.mend();
      await heard(source, ["ADD a 1", "UPDATE a 2 was 1"]);
      expect(source.restarts).toEqual([]);
    });
  });

  describe("what was there before", () => {
    it("is an ADD each, once, however often it starts", async () => {
      for (let i = 0; i < 120; i++) await bench.maps.create(`a${i}`);
      const first = bench.start();
      await until("all of them", () => first.taken.length >= 120);
      await first.stop();
      expect(new Set(lines(first)).size).toBe(120);
      const again = bench.start({}, { checkpoint: first.checkpoint });
      await again.ready();
      await bench.maps.settle(again);
      expect(lines(again)).toEqual(["ADD mark-0 1"]);
    });

    it("is passed over with afterStart", async () => {
      await bench.maps.create("a");
      const source = bench.start({ filter: { afterStart: true } });
      await source.ready();
      await bench.maps.update("a", "2");
      await bench.maps.create("b");
      await heard(source, ["UPDATE a 2 was 1", "ADD b 1"]);
    });

    it("is looked at anew where the entry names other objects", async () => {
      await bench.maps.create("a");
      const first = bench.start();
      await heard(first, ["ADD a 1"]);
      await first.stop();
      const other = { resource: "secrets", filter: { afterStart: true } };
      const secrets = bench.start(other, { checkpoint: first.checkpoint });
      await secrets.ready();
      await secrets.stop();
      expect(secrets.taken).toEqual([]);
      const back = bench.start({}, { checkpoint: first.checkpoint });
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
      const source = bench.start({ filter: { labels } });
      await source.ready();
      await bench.maps.create("no", "1", { tier: "web" });
      await bench.maps.create("off", "1", { tier: "web", zone: "a", off: "1" });
      await bench.maps.create("yes", "1", { tier: "web", zone: "b" });
      await done(bench.server.api("PATCH", bench.maps.path("yes"), { metadata: { labels: { zone: "c" } } }));
      await done(bench.server.api("PATCH", bench.maps.path("yes"), { metadata: { labels: { zone: "a" } } }));
      await heard(source, ["ADD yes 1", "DELETE yes 1", "ADD yes 1"]);
      expect(source.taken.every(({ receipt }) => receipt.outcome === "stored")).toBe(true);
    });

    it("choose by name, fields and time of creation", async () => {
      const fields = [
        { key: "data.value", operation: "==", value: "^[ab]" },
        { key: "data.value", operation: "!=", value: "z" },
        { key: "metadata.uid", value: "" },
      ];
      const source = bench.start({ filter: { prefix: "p-", fields, createdBy: "2999-01-01T00:00:00Z" } });
      const none = bench.start({ filter: { createdBy: "2001-01-01T00:00:00Z" } });
      await source.ready();
      await none.ready();
      await bench.maps.create("a", "a");
      await bench.maps.create("p-c", "c");
      await bench.maps.create("p-az", "az");
      await bench.maps.create("p-a", "a");
      await heard(source, ["ADD p-a a"]);
      expect(none.taken).toEqual([]);
    });
  });

  it("what its account may not do is told, with the rule to add, and goes on once it is allowed", async () => {
    const name = "watcher";
    await done(
      bench.server.api("POST", `/api/v1/namespaces/${bench.maps.namespace}/serviceaccounts`, { metadata: { name } }),
    );
    const token = await bench.server.token(name, bench.maps.namespace);
    const theirs = bench.running.use(await openCluster(bench.server, { token }));
    const source = bench.start({}, { cluster: theirs });
    await source.until(({ status }) => typeof status === "object");
    const { waiting } = source.status as { readonly waiting: string };
    expect(waiting).toContain(`list configmaps ${bench.maps.namespace}`);
    expect(waiting).toContain(`to the ServiceAccount ${name} of namespace ${bench.maps.namespace}`);
    const rbac = `/apis/rbac.authorization.k8s.io/v1/namespaces/${bench.maps.namespace}`;
    const rules = [{ apiGroups: [""], resources: ["configmaps"], verbs: ["list", "watch"] }];
    await done(bench.server.api("POST", `${rbac}/roles`, { metadata: { name }, rules }));
    await done(
      bench.server.api("POST", `${rbac}/rolebindings`, {
        metadata: { name },
        roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "Role", name },
        subjects: [{ kind: "ServiceAccount", name, namespace: bench.maps.namespace }],
      }),
    );
    await source.ready(15_000);
    await bench.maps.create("a");
    await heard(source, ["ADD a 1"]);
    expect(source.restarts).toEqual([]);
  }, 30_000);

  it("a kind that is not there is waited for", async () => {
    const source = bench.start({ group: "odd.example.com", resource: "oddities" });
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
