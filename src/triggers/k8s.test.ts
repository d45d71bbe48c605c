import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Cluster, CreateRequest } from "../kit/cluster.ts";
import { VirtualClock } from "../lib/virtual-clock.ts";
import { k8s } from "./k8s.ts";
import { withLocalJobs } from "./local-jobs/with-local-jobs.ts";
import { trial } from "./trial.ts";

const job = { apiVersion: "batch/v1", kind: "Job", metadata: { name: "pack" }, spec: {} };

/** What stands in for a cluster where there is none: it takes Jobs, and keeps them here. */
function cluster() {
  const created: CreateRequest[] = [];
  const create: Cluster["create"] = async (request) => {
    created.push(request);
    return { said: "created" };
  };
  return { created, to: withLocalJobs({ create }, undefined) };
}

describe("create", () => {
  it("hands the object over with Argo's labels, its namespace and the firing id", async () => {
    const { created, to } = cluster();
    const clock = new VirtualClock();
    await using one = await trial(k8s, { source: { resource: job } }, { cluster: to, clock, folder: "/f" });
    const metadata = { name: "pack", namespace: "far", labels: { mine: "1" } };
    expect(await one.fire({ resource: JSON.stringify({ ...job, metadata }), trigger: "a b/c" })).toEqual({
      said: "created",
    });
    expect(created[0]).toMatchObject({ namespace: "far", key: "f".repeat(32), folder: "/f" });
    expect(created[0]?.object).toEqual({
      ...job,
      metadata: {
        ...metadata,
        labels: {
          mine: "1",
          "events.argoproj.io/sensor": "shop",
          "events.argoproj.io/trigger": "a-b-c",
          "events.argoproj.io/action-timestamp": String(clock.nowMs()),
        },
        annotations: { "tidemill.dev/traceparent": `00-${"a".repeat(32)}-${"b".repeat(16)}-01` },
      },
    });
    await one.fire();
    expect(created[1]?.namespace).toBe("default");
  });

  it("keeps keys such as __proto__ as data", async () => {
    const { created, to } = cluster();
    await using one = await trial(k8s, { source: { resource: job } }, { cluster: to });
    await one.fire({ resource: '{"apiVersion":"v1","kind":"X","__proto__":{"a":1},"metadata":{"__proto__":{}}}' });
    expect(Object.keys(created[0]?.object ?? {})).toEqual(["apiVersion", "kind", "__proto__", "metadata"]);
  });

  it("without a cluster says what to do", async () => {
    await using one = await trial(k8s, { source: { resource: job } });
    await expect(one.fire()).rejects.toMatchObject({ code: "CLUSTER_MISSING", retry: "never" });
  });

  it("is the only operation on Jobs that run as local processes", async () => {
    for (const operation of ["update", "patch", "delete"]) {
      await using one = await trial(k8s, { source: { resource: job }, operation }, { cluster: cluster().to });
      await expect(one.fire()).rejects.toMatchObject({ code: "OPERATION_UNSUPPORTED", retry: "never" });
    }
    const pod = { apiVersion: "v1", kind: "Pod", metadata: { name: "a" } };
    await using one = await trial(k8s, { source: { resource: pod }, operation: "delete" }, { cluster: cluster().to });
    await expect(one.fire()).rejects.toMatchObject({ code: "JOBS_ONLY", retry: "never" });
  });

  it.each(["", "[]", '"x"', "{}", '{"kind":"Job"}', '{"apiVersion":"v1","kind":"X","metadata":[]}'])(
    "refuses %j",
    async (resource) => {
      await using one = await trial(k8s, { source: { resource: job } }, { cluster: cluster().to });
      await expect(one.fire({ resource })).rejects.toMatchObject({ code: "RESOURCE_INVALID", retry: "never" });
    },
  );
});

describe("the object", () => {
  let folder: string;
  let outside: string;

  beforeAll(async () => {
    folder = await mkdtemp(path.join(tmpdir(), "tidemill-artifact-"));
    outside = await mkdtemp(path.join(tmpdir(), "tidemill-outside-"));
    await mkdir(path.join(folder, "sub"));
    await writeFile(path.join(folder, "sub/job.yaml"), "kind: Job\n");
    await writeFile(path.join(outside, "job.yaml"), "kind: Secret\n");
    await symlink(outside, path.join(folder, "link"));
    await symlink("sub/job.yaml", path.join(folder, "inner.yaml"));
    await writeFile(path.join(folder, "large.yaml"), `a: ${"x".repeat(1024 * 1024)}\n`);
  });
  afterAll(async () => {
    await rm(folder, { recursive: true });
    await rm(outside, { recursive: true });
  });

  async function read(source: object, secrets: Record<string, string> = {}): Promise<unknown> {
    let text: string | undefined;
    const to = cluster().to;
    const watched = {
      ...k8s,
      fire: async (call: { resource: string | undefined }) => {
        text = call.resource;
        return {};
      },
    };
    await using one = await trial(watched, { source }, { cluster: to, folder, secrets });
    await one.fire();
    return JSON.parse(text ?? "");
  }

  it("comes from resource, inline, file and configmap", async () => {
    expect(await read({ resource: { kind: "A" } })).toEqual({ kind: "A" });
    expect(await read({ inline: '{"kind":"A"}' })).toEqual({ kind: "A" });
    expect(await read({ inline: "kind: A\nn: 0644\nyes: on\nq: 'on'\n---\nkind: B" })).toEqual({
      kind: "A",
      n: 420,
      yes: true,
      q: "on",
    });
    expect(await read({ file: { path: "sub/job.yaml" } })).toEqual({ kind: "Job" });
    expect(await read({ file: { path: "inner.yaml" } })).toEqual({ kind: "Job" });
    expect(await read({ file: { path: path.join(outside, "job.yaml") } })).toEqual({ kind: "Secret" });
    expect(await read({ configmap: { name: "c", key: "k" } }, { "c/k": "kind: C" })).toEqual({ kind: "C" });
  });

  it("is the first of several, in the order of the reference", async () => {
    expect(await read({ resource: { kind: "A" }, inline: "kind: B" })).toEqual({ kind: "B" });
  });

  it.each(["../x.yaml", "sub/../../x.yaml", "link/job.yaml", "none.yaml", "", "a\0b", "large.yaml", "sub"])(
    "does not come from file %j",
    async (file) => {
      await expect(read({ file: { path: file } })).rejects.toMatchObject({ code: "ARTIFACT_UNREADABLE" });
    },
  );

  it.each([
    "",
    "- a",
    "text",
    "a: [",
    "a: &a [*a]",
    `a: ${"[".repeat(5000)}${"]".repeat(5000)}`,
    `a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: [*c,*c,*c,*c,*c,*c,*c,*c,*c]`,
  ])("is not what inline %j says", async (inline) => {
    await expect(read({ inline })).rejects.toMatchObject({ code: "ARTIFACT_INVALID", retry: "never" });
  });

  it("does not come from settings that a parameter broke", async () => {
    const broken = { source: { file: { path: 5 } } } as never;
    const cx = { config: broken, folder } as never;
    await expect(k8s.resource?.(cx)).rejects.toMatchObject({ code: "RESOURCE_INVALID" });
  });
});

describe("lint", () => {
  const found = (config: object) =>
    [...(k8s.lint?.(k8s.config.parse(config)) ?? [])].map(({ severity, code, path }) => [
      severity,
      code,
      path.join("."),
    ]);

  it("finds what cannot work", () => {
    expect(found({})).toEqual([["error", "FIELD_MISSING", "source"]]);
    expect(found({ source: { url: {} } })).toEqual([["error", "FIELD_MISSING", "source.url.path"]]);
    expect(found({ source: { file: {} } })).toEqual([["error", "FIELD_MISSING", "source.file"]]);
    expect(found({ source: { resource: job } })).toEqual([]);
  });

  it("finds operations that lack what they need, unless a parameter brings it", () => {
    const unnamed = { ...job, metadata: { generateName: "pack-" } };
    const src = { dependencyName: "order", dataKey: "body.name" };
    const missing = [["error", "FIELD_MISSING", "source.resource.metadata"]];
    for (const operation of ["update", "patch", "delete"]) {
      expect(found({ source: { resource: unnamed }, operation })).toEqual(missing);
      expect(found({ source: { resource: unnamed }, operation, parameters: [{ src, dest: "metadata.name" }] })).toEqual(
        [],
      );
      expect(found({ source: { resource: job }, operation })).toEqual([]);
    }
    expect(found({ source: { resource: { ...job, metadata: {} } } })).toEqual(missing);
    const listed = { source: { resource: job }, operation: "patch", patchStrategy: "application/json-patch+json" };
    expect(found(listed)).toEqual([["error", "FIELD_MISSING", "source.resource.patch"]]);
    expect(found({ ...listed, source: { resource: { ...job, patch: [] } } })).toEqual([]);
  });

  it("finds what has no effect, and strategies that are none", () => {
    const source = { resource: job };
    expect(found({ source, liveObject: true })).toEqual([["warning", "FIELD_MISPLACED", "liveObject"]]);
    expect(found({ source, operation: "update", liveObject: true })).toEqual([]);
    expect(found({ source, patchStrategy: "application/merge-patch+json" })).toEqual([
      ["warning", "FIELD_MISPLACED", "patchStrategy"],
    ]);
    expect(found({ source, operation: "patch", patchStrategy: "merge" })).toEqual([
      ["error", "FIELD_VALUE", "patchStrategy"],
    ]);
  });
});
