import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { describeWithServer } from "../../../test/servers/describe.ts";
import { controlPlane, type KubernetesServer, startKubernetes } from "../../../test/servers/kubernetes.ts";
import type { KubeObject, WatchEvent } from "../../kit/cluster.ts";
import { systemClock } from "../../lib/clock.ts";
import { firingLabel } from "./firing-name.ts";
import { KubeCluster } from "./kube-cluster.ts";
import { readKubeconfig } from "./kubeconfig.ts";

const never = new AbortController().signal;
const job = { apiVersion: "batch/v1", kind: "Job" };
const configMap = { apiVersion: "v1", kind: "ConfigMap" };

function jobNamed(metadata: object): KubeObject {
  const container = { name: "pack", image: "busybox" };
  return { ...job, metadata, spec: { template: { spec: { restartPolicy: "Never", containers: [container] } } } };
}

describeWithServer(controlPlane, () => {
  let server: KubernetesServer;
  let folder: string;
  let admin: KubeCluster;
  let namespaces = 0;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "tidemill-kube-"));
    server = await startKubernetes();
    admin = open(await server.kubeconfig(join(folder, "admin")));
  }, 90_000);
  afterAll(async () => {
    await admin?.[Symbol.asyncDispose]();
    await server?.[Symbol.asyncDispose]();
    await rm(folder, { recursive: true });
  });

  function open(file: string, env: Readonly<Record<string, string>> = {}): KubeCluster {
    const all = { ...process.env, ...env };
    return new KubeCluster({
      load: () => readKubeconfig({ file, context: undefined, env: all }),
      env: all,
      clock: systemClock,
      sdk: (_, load) => load(),
    });
  }

  async function namespace(): Promise<string> {
    const name = `n${++namespaces}`;
    await server.api("POST", "/api/v1/namespaces", { metadata: { name } });
    return name;
  }

  async function account(name: string, ns: string, rules: readonly object[] = []): Promise<string> {
    await server.api("POST", `/api/v1/namespaces/${ns}/serviceaccounts`, { metadata: { name } });
    const group = "rbac.authorization.k8s.io";
    const rbac = `/apis/${group}/v1/namespaces/${ns}`;
    await server.api("POST", `${rbac}/roles`, { metadata: { name }, rules });
    const subjects = [{ kind: "ServiceAccount", name, namespace: ns }];
    const roleRef = { apiGroup: group, kind: "Role", name };
    await server.api("POST", `${rbac}/rolebindings`, { metadata: { name }, roleRef, subjects });
    return server.token(name, ns);
  }

  const make = (cluster: KubeCluster, object: KubeObject, ns: string, key = "f".repeat(32)) =>
    cluster.create({ object, namespace: ns, key, folder, signal: never });

  describe("create", () => {
    it("makes an object once per key, under a name that the key decides", async () => {
      const ns = await namespace();
      const first = await make(admin, jobNamed({ generateName: "pack-" }), ns);
      const again = await make(admin, jobNamed({ generateName: "pack-" }), ns);
      const other = await make(admin, jobNamed({ generateName: "pack-" }), ns, "e".repeat(32));
      expect(first.said).toMatch(new RegExp(`^created job ${ns}/pack-[a-z0-9]{10}$`));
      expect(again.said).toBe(`${first.said.slice("created ".length)} was already created by this firing`);
      expect(other.said).not.toBe(first.said);
      const { items } = await admin.list({ ...job, namespace: ns }, never);
      expect(items).toHaveLength(2);
      expect(items[0]).toMatchObject({ ...job, metadata: { labels: { [firingLabel]: expect.any(String) } } });
    });

    it("takes an object of the same name for its own only by its label", async () => {
      const ns = await namespace();
      await server.api("POST", `/api/v1/namespaces/${ns}/configmaps`, { metadata: { name: "taken" } });
      const mine = { ...configMap, metadata: { name: "taken" } };
      await expect(make(admin, mine, ns)).rejects.toMatchObject({
        code: "RESOURCE_EXISTS",
        message: `configmap ${ns}/taken is there already, made not by tidemill`,
      });
    });

    it("asks the API which kinds have a namespace, also those that came later", async () => {
      const group = "odd.example.com";
      const odd = { apiVersion: `${group}/v1`, kind: "Oddity" };
      const object = { ...odd, metadata: { name: "one", namespace: "default" } };
      await expect(make(admin, object, "default")).rejects.toMatchObject({ code: "KIND_UNKNOWN" });
      const schema = { openAPIV3Schema: { type: "object", "x-kubernetes-preserve-unknown-fields": true } };
      await server.api("POST", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", {
        metadata: { name: `odditorium.${group}` },
        spec: {
          group,
          scope: "Cluster",
          names: { kind: "Oddity", plural: "odditorium", singular: "oddity" },
          versions: [{ name: "v1", served: true, storage: true, schema }],
        },
      });
      const said = await until(() => make(admin, object, "default"));
      expect(said.said).toBe("created oddity one");
      expect(
        (await admin.list({ apiVersion: odd.apiVersion, resource: "odditorium", namespace: undefined }, never)).items,
      ).toHaveLength(1);
      expect(await admin.delete({ ...odd, namespace: "anything", name: "one" }, never)).toEqual({
        said: "deleted oddity one",
      });
    });

    it("says what is wrong with an object that is not valid, and is not tried again", async () => {
      const ns = await namespace();
      const failure = make(admin, { ...job, metadata: { name: "pack" }, spec: {} }, ns);
      await expect(failure).rejects.toMatchObject({
        code: "CLUSTER_REFUSED",
        retry: "never",
        message: expect.stringContaining("spec.template.spec.containers: Required value"),
      });
    });

    it("in a namespace that is not there, or that is being deleted, says so", async () => {
      await expect(make(admin, jobNamed({ name: "a" }), "nowhere")).rejects.toMatchObject({
        code: "RESOURCE_MISSING",
        message: expect.stringContaining('namespaces "nowhere" not found'),
      });
      const ns = await namespace();
      await server.api("DELETE", `/api/v1/namespaces/${ns}`);
      await expect(make(admin, jobNamed({ name: "a" }), ns)).rejects.toMatchObject({
        code: "RESOURCE_MISSING",
        message: expect.stringContaining(`the namespace ${ns} is being deleted`),
      });
    });

    it("over a quota is tried again", async () => {
      const ns = await namespace();
      const hard = { "count/jobs.batch": "0" };
      const quotas = `/api/v1/namespaces/${ns}/resourcequotas`;
      const made = await server.api("POST", quotas, { metadata: { name: "none" }, spec: { hard } });
      await server.api("PUT", `${quotas}/none/status`, { ...made.body, status: { hard, used: hard } });
      await expect(
        until(
          async () => {
            await make(admin, jobNamed({ generateName: "a-" }), ns, String(Math.random()));
            throw new Error("not over the quota yet");
          },
          (error) => !String(error).includes("not over"),
        ),
      ).rejects.toMatchObject({ code: "QUOTA_EXCEEDED", retry: "backoff" });
    });
  });

  describe("an account without the right", () => {
    it("is told which rule to add", async () => {
      const ns = await namespace();
      const far = await namespace();
      const token = await account("poor", ns);
      await using poor = open(await server.kubeconfig(join(folder, "poor"), { token }));
      await expect(make(poor, jobNamed({ name: "a" }), far)).rejects.toMatchObject({
        code: "CLUSTER_FORBIDDEN",
        retry: "never",
        message:
          `create jobs.batch ${far}/a: jobs.batch is forbidden: User "system:serviceaccount:${ns}:poor" cannot create ` +
          `resource "jobs" in API group "batch" in the namespace "${far}" (403). To allow it, bind a Role in namespace ` +
          `${far} with the rule { apiGroups: ["batch"], resources: [jobs], verbs: [create] } to the ServiceAccount poor ` +
          `of namespace ${ns}`,
      });
    });

    it("that may create and not read finds its own object again by a name that only its firing makes", async () => {
      const ns = await namespace();
      const token = await account("maker", ns, [{ apiGroups: ["batch"], resources: ["jobs"], verbs: ["create"] }]);
      await using maker = open(await server.kubeconfig(join(folder, "maker"), { token }));
      await make(maker, jobNamed({ generateName: "a-" }), ns);
      expect((await make(maker, jobNamed({ generateName: "a-" }), ns)).said).toMatch(/already created by this firing$/);
      await make(maker, jobNamed({ name: "b" }), ns);
      await expect(make(maker, jobNamed({ name: "b" }), ns)).rejects.toMatchObject({ code: "CLUSTER_FORBIDDEN" });
    });
  });

  describe("update", () => {
    it("reads again when others write in between", async () => {
      const ns = await namespace();
      const place = { ...configMap, namespace: ns, name: "counter" };
      await make(admin, { ...configMap, metadata: { name: "counter" }, data: { n: "0" } }, ns);
      const add = () =>
        admin.update(
          place,
          (object) => ({ ...object, data: { n: String(Number((object.data as { n: string }).n) + 1) } }),
          never,
        );
      await Promise.all([add(), add(), add()]);
      expect(await admin.get(place, never)).toMatchObject({ data: { n: "3" } });
    });

    it("rejects when there is nothing, or when others never stop", async () => {
      const ns = await namespace();
      const place = { ...configMap, namespace: ns, name: "busy" };
      await expect(admin.update(place, (object) => object, never)).rejects.toMatchObject({ code: "RESOURCE_MISSING" });
      await make(admin, { ...configMap, metadata: { name: "busy" } }, ns);
      const stale = admin.update(
        place,
        (object) => ({ ...object, metadata: { name: "busy", resourceVersion: "1" } }),
        never,
      );
      await expect(stale).rejects.toMatchObject({ code: "RESOURCE_CONFLICT", retry: "backoff" });
    });
  });

  it("patches in all four ways", async () => {
    const ns = await namespace();
    const place = { apiVersion: "v1", kind: "Service", namespace: ns, name: "shop" };
    const ports = [{ name: "a", port: 1 }];
    await make(admin, { apiVersion: "v1", kind: "Service", metadata: { name: "shop" }, spec: { ports } }, ns);
    const patch = async (type: string, body: unknown) =>
      (await admin.patch({ ...place, type: type as never, body }, never)).object as {
        spec: { ports: { port: number }[] };
        metadata: object;
      };
    const add = { spec: { ports: [{ name: "b", port: 2 }] } };
    const numbers = ({ spec }: { spec: { ports: { port: number }[] } }) => spec.ports.map(({ port }) => port).sort();
    // a list of ports is merged by port only where the patch knows the type
    expect(
      numbers(await patch("application/strategic-merge-patch+json", { spec: { ports: [{ name: "b", port: 2 }] } })),
    ).toEqual([1, 2]);
    expect(numbers(await patch("application/merge-patch+json", add))).toEqual([2]);
    expect(
      numbers(await patch("application/json-patch+json", [{ op: "replace", path: "/spec/ports/0/port", value: 3 }])),
    ).toEqual([3]);
    const applied = { apiVersion: "v1", kind: "Service", metadata: { name: "shop", labels: { by: "tide" } } };
    const { metadata } = await patch("application/apply-patch+yaml", applied);
    expect(metadata).toMatchObject({
      labels: { by: "tide" },
      managedFields: expect.arrayContaining([expect.objectContaining({ manager: "tidemill", operation: "Apply" })]),
    });
    const made = { ...configMap, metadata: { name: "new" }, data: { a: "1" } };
    await admin.patch(
      { ...configMap, namespace: ns, name: "new", type: "application/apply-patch+yaml", body: made },
      never,
    );
    expect(await admin.get({ ...configMap, namespace: ns, name: "new" }, never)).toMatchObject({ data: { a: "1" } });
  });

  it("deletes, and what is not there is gone", async () => {
    const ns = await namespace();
    await make(admin, { ...configMap, metadata: { name: "a" } }, ns);
    const place = { ...configMap, namespace: ns, name: "a" };
    expect((await admin.delete(place, never)).said).toBe(`deleted configmap ${ns}/a`);
    expect((await admin.delete(place, never)).said).toBe(`configmap ${ns}/a was not there`);
    expect(await admin.get(place, never)).toBeUndefined();
  });

  it.each([".", "..", "a/b", "../secrets/x", "%2e", "%2f.."])("acts with no object of the name %j", async (name) => {
    const ns = await namespace();
    await make(admin, { ...configMap, metadata: { name: "a" } }, ns);
    for (const place of [
      { namespace: ns, name },
      { namespace: name, name: "a" },
    ]) {
      await expect(admin.delete({ ...configMap, ...place }, never)).rejects.toMatchObject({ code: "RESOURCE_INVALID" });
      await expect(admin.get({ ...configMap, ...place }, never)).rejects.toMatchObject({ code: "RESOURCE_INVALID" });
    }
    expect((await admin.list({ ...configMap, namespace: ns }, never)).items).toHaveLength(1);
  });

  describe("list and watch", () => {
    it("pages, selects, and goes on from the list's version", async () => {
      const ns = await namespace();
      for (const name of ["a", "b", "c"]) {
        await make(admin, { ...configMap, metadata: { name, labels: { is: name } } }, ns, name);
      }
      const query = { apiVersion: "v1", resource: "configmaps", namespace: ns };
      const page = await admin.list({ ...query, limit: 2 }, never);
      const rest = await admin.list({ ...query, limit: 2, continue: page.continue }, never);
      expect([...page.items, ...rest.items].map(nameOf)).toEqual(["a", "b", "c"]);
      expect(rest.continue).toBeUndefined();
      expect(
        (
          await admin.list({ ...query, labelSelector: "is in (b,c)", fieldSelector: "metadata.name!=b" }, never)
        ).items.map(nameOf),
      ).toEqual(["c"]);

      const stop = new AbortController();
      const { resourceVersion } = await admin.list(query, never);
      const seen: WatchEvent[] = [];
      const watching = (async () => {
        for await (const event of admin.watch({ ...query, resourceVersion }, stop.signal)) {
          seen.push(event);
          if (event.type === "DELETED") stop.abort(new Error("seen enough"));
        }
      })();
      await make(admin, { ...configMap, metadata: { name: "d" } }, ns, "d");
      await admin.delete({ ...configMap, namespace: ns, name: "d" }, never);
      await watching;
      expect(seen.filter(({ type }) => type !== "BOOKMARK").map(({ type, object }) => [type, nameOf(object)])).toEqual([
        ["ADDED", "d"],
        ["DELETED", "d"],
      ]);
    });
  });

  describe("credentials", () => {
    it("that are refused are read again: a token file that was renewed", async () => {
      const ns = await namespace();
      const file = join(folder, "token");
      await writeFile(file, "an.old.token\n");
      await using cluster = open(await server.kubeconfig(join(folder, "by-file"), { tokenFile: file }));
      await expect(cluster.get({ ...configMap, namespace: ns, name: "a" }, never)).rejects.toMatchObject({
        code: "CLUSTER_UNAUTHORIZED",
        retry: "backoff",
      });
      await writeFile(
        file,
        `${await account("new", ns, [{ apiGroups: [""], resources: ["configmaps"], verbs: ["get"] }])}\n`,
      );
      expect(await cluster.get({ ...configMap, namespace: ns, name: "a" }, never)).toBeUndefined();
    });

    it("come from a program, which runs again when what it gave is refused", async () => {
      const program = join(folder, "credentials.mjs");
      const counter = join(folder, "count");
      await writeFile(
        program,
        `import { appendFileSync, readFileSync } from "node:fs";
         appendFileSync(${JSON.stringify(counter)}, "x");
         if (!process.env.KUBERNETES_EXEC_INFO.includes('"kind":"ExecCredential"')) process.exit(3);
         const token = readFileSync(${JSON.stringify(counter)}).length === 1 ? "nobody" : ${JSON.stringify(server.adminToken)};
         console.log(JSON.stringify({ apiVersion: "client.authentication.k8s.io/v1", kind: "ExecCredential", status: { token } }));`,
      );
      const exec = { apiVersion: "client.authentication.k8s.io/v1", command: process.execPath, args: [program] };
      await using cluster = open(await server.kubeconfig(join(folder, "by-program"), { exec }));
      const place = { ...configMap, namespace: "default", name: "none" };
      await Promise.all([1, 2, 3].map(() => expect(cluster.get(place, never)).resolves.toBeUndefined()));
      await cluster.get(place, never);
      const { readFile } = await import("node:fs/promises");
      expect(await readFile(counter, "utf8")).toBe("xx");
    });

    it("of a program that fails are its own words", async () => {
      const exec = {
        apiVersion: "v1",
        command: process.execPath,
        args: ["-e", "console.error('log in first'); process.exit(1)"],
      };
      await using cluster = open(await server.kubeconfig(join(folder, "failing"), { exec }));
      const failing = cluster.get({ ...configMap, namespace: "default", name: "none" }, never);
      await expect(failing).rejects.toMatchObject({
        code: "CLUSTER_CONFIG",
        message: expect.stringContaining("log in first"),
      });
    });
  });

  it("tells an API server that is away or hangs as what can be tried again, and is back with it", async () => {
    const ns = await namespace();
    await server.apiServer.stop({ keep: true });
    await expect(make(admin, jobNamed({ name: "a" }), ns)).rejects.toMatchObject({
      code: "TARGET_UNREACHABLE",
      retry: "backoff",
    });
    await server.apiServer.start();
    // it remembers no changes from before its start
    const watching = admin.watch({ ...configMap, namespace: ns, resourceVersion: "1" }, never)[Symbol.asyncIterator]();
    await expect(watching.next()).rejects.toMatchObject({ code: "WATCH_EXPIRED", retry: "backoff" });
    await server.etcd.kill();
    await expect(make(admin, jobNamed({ name: "a" }), ns)).rejects.toMatchObject({
      code: "CLUSTER_BUSY",
      retry: expect.anything(),
    });
    await server.etcd.start();
    expect((await until(() => make(admin, jobNamed({ name: "a" }), ns))).said).toContain(`${ns}/a`);
    const stop = new AbortController();
    server.apiServer.pause();
    const hanging = admin.create({
      object: jobNamed({ name: "b" }),
      namespace: ns,
      key: "b",
      folder,
      signal: stop.signal,
    });
    stop.abort(new Error("enough"));
    await expect(hanging).rejects.toThrow("enough");
    server.apiServer.resume();
  }, 90_000);
});

const nameOf = (object: KubeObject): string => (object.metadata as { name: string }).name;

/** Tries until it succeeds, or fails with an error that counts. */
async function until<T>(what: () => Promise<T>, counts: (error: unknown) => boolean = () => false): Promise<T> {
  for (let tries = 0; ; tries++) {
    try {
      return await what();
    } catch (error) {
      if (tries === 200 || counts(error)) throw error;
      await pause(100);
    }
  }
}
