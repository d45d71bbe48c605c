import { gunzipSync, gzipSync } from "node:zlib";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { openCluster } from "../../test/cluster.ts";
import { describeWithServer } from "../../test/servers/describe.ts";
import {
  controlPlane,
  type KubeAnswer,
  type KubernetesServer,
  startKubernetes,
} from "../../test/servers/kubernetes.ts";
import { until } from "../../test/until.ts";
import type { Cluster } from "../kit/cluster.ts";
import type { Outcome } from "../kit/trigger.ts";
import { argoWorkflow } from "./argo-workflow.ts";
import { trial } from "./trial.ts";

const group = "argoproj.io";
const apiVersion = `${group}/v1alpha1`;
const label = (name: string) => `workflows.argoproj.io/${name}`;

interface Fired {
  readonly key?: string;
  readonly args?: readonly string[];
  readonly cluster?: Cluster;
}

describeWithServer(controlPlane, () => {
  let server: KubernetesServer;
  let cluster: Cluster & AsyncDisposable;
  let namespace: string;
  let namespaces = 0;

  beforeAll(async () => {
    server = await startKubernetes();
    cluster = await openCluster(server);
    for (const kind of ["Workflow", "WorkflowTemplate", "CronWorkflow"]) await define(kind, "Namespaced");
    await define("ClusterWorkflowTemplate", "Cluster");
  }, 90_000);
  afterAll(async () => {
    await cluster?.[Symbol.asyncDispose]();
    await server?.[Symbol.asyncDispose]();
  });
  beforeEach(async () => {
    namespace = `w${++namespaces}`;
    await done(server.api("POST", "/api/v1/namespaces", { metadata: { name: namespace } }));
  });

  async function done(answer: Promise<KubeAnswer>): Promise<KubeAnswer["body"]> {
    const { status, body } = await answer;
    if (status >= 300) throw new Error(`${status}: ${body.message}`);
    return body;
  }

  /** As Argo's own definitions: without a status subresource, any fields. */
  async function define(kind: string, scope: "Namespaced" | "Cluster"): Promise<void> {
    const schema = { openAPIV3Schema: { type: "object", "x-kubernetes-preserve-unknown-fields": true } };
    const plural = `${kind.toLowerCase()}s`;
    await done(
      server.api("POST", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", {
        metadata: { name: `${plural}.${group}` },
        spec: {
          group,
          scope,
          names: { kind, plural, singular: kind.toLowerCase() },
          versions: [{ name: "v1alpha1", served: true, storage: true, schema }],
        },
      }),
    );
    await until(
      `${plural} are served`,
      async () => (await server.api("GET", `/apis/${apiVersion}/${plural}`)).status < 300,
    );
  }

  const at = (plural: string, name = "") =>
    `/apis/${apiVersion}/namespaces/${namespace}/${plural}${name === "" ? "" : `/${name}`}`;
  const make = (object: object, plural = "workflows") => done(server.api("POST", at(plural), object));
  const read = (name: string) => done(server.api("GET", at("workflows", name)));
  const all = async () => (await done(server.api("GET", at("workflows")))).items;
  const workflow = (metadata: object, more: object = {}) => ({ apiVersion, kind: "Workflow", metadata, ...more });

  async function fire(
    operation: string,
    resource: object,
    { key, args, cluster: to = cluster }: Fired = {},
  ): Promise<Outcome> {
    const config = { operation, source: { resource }, ...(args === undefined ? {} : { args }) };
    await using one = await trial(argoWorkflow, config, { cluster: to });
    return one.fire({ namespace, trigger: "my trigger", ...(key === undefined ? {} : { key }) });
  }
  const steer = (operation: string, name: string, fired: Fired = {}) => fire(operation, workflow({ name }), fired);

  describe("submit", () => {
    it("makes the workflow once per firing, with the labels of Argo Events", async () => {
      const object = workflow({ generateName: "pack-" }, { spec: { entrypoint: "main" } });
      const first = await fire("submit", object);
      const again = await fire("submit", object);
      const other = await fire("submit", object, { key: "e".repeat(32) });
      expect(first.said).toMatch(new RegExp(`^created workflow ${namespace}/pack-[a-z0-9]{10}$`));
      expect(again.object).toEqual(first.object);
      expect(other.object).not.toEqual(first.object);
      const items = await all();
      expect(items).toHaveLength(2);
      expect(items[0].metadata.labels).toMatchObject({
        "events.argoproj.io/sensor": "shop",
        "events.argoproj.io/trigger": "my-trigger",
        "events.argoproj.io/action-timestamp": expect.stringMatching(/^\d{13}$/),
      });
    });

    it("follows the flags of the argo command", async () => {
      const parameters = [
        { name: "a", value: "1" },
        { name: "b", value: "2" },
      ];
      const args = [
        ...["-p", "b=x=y", "--parameter=c=3", "-pd=4", "--entrypoint", "other", "--serviceaccount=robot"],
        ...[
          "--labels",
          "team=x,tier=y",
          "-l=team=z",
          "--priority",
          "7",
          "--name",
          "mine",
          "-o",
          "name",
          "--instanceid=i",
        ],
      ];
      await fire(
        "submit",
        workflow({ generateName: "pack-", labels: { tier: "w" } }, { spec: { arguments: { parameters } } }),
        { args },
      );
      expect(await read("mine")).toMatchObject({
        metadata: { labels: { team: "z", tier: "w", [label("controller-instanceid")]: "i" } },
        spec: {
          entrypoint: "other",
          serviceAccountName: "robot",
          priority: 7,
          arguments: {
            parameters: [
              ...[
                { name: "b", value: "x=y" },
                { name: "c", value: "3" },
                { name: "d", value: "4" },
              ],
              { name: "a", value: "1" },
            ],
          },
        },
      });
    });

    it("answers where the workflow is, for policy.k8s (T4)", async () => {
      const { object } = await fire("submit", workflow({ generateName: "pack-" }));
      const name = expect.stringMatching(/^pack-/);
      expect(object).toEqual({ apiVersion, kind: "Workflow", namespace, name });
    });

    it("takes nothing but a workflow", async () => {
      const failure = fire("submit", { apiVersion: "v1", kind: "Pod", metadata: { name: "p" } });
      await expect(failure).rejects.toMatchObject({ code: "RESOURCE_INVALID", retry: "never" });
    });
  });

  describe("submit-from", () => {
    const named = (kind: string, name: string) => ({ apiVersion, kind, metadata: { name } });

    it("makes a workflow of a template, once (T3)", async () => {
      await make({ ...named("WorkflowTemplate", "bake"), spec: {} }, "workflowtemplates");
      const args = ["-p", "size=3"];
      const { object, said } = await fire("submit-from", named("WorkflowTemplate", "bake"), { args });
      await fire("submit-from", named("WorkflowTemplate", "bake"), { args });
      expect(said).toMatch(new RegExp(`^created workflow ${namespace}/bake-`));
      expect(await all()).toHaveLength(1);
      expect(await read(object?.name ?? "")).toMatchObject({
        metadata: { labels: { [label("workflow-template")]: "bake", "events.argoproj.io/sensor": "shop" } },
        spec: {
          workflowTemplateRef: { name: "bake" },
          arguments: { parameters: [{ name: "size", value: "3" }] },
        },
      });
    });

    it("makes one of a cluster's template", async () => {
      const template = { ...named("ClusterWorkflowTemplate", "bake-all"), spec: {} };
      await done(server.api("POST", `/apis/${apiVersion}/clusterworkflowtemplates`, template));
      const { object } = await fire("submit-from", named("ClusterWorkflowTemplate", "bake-all"));
      expect(await read(object?.name ?? "")).toMatchObject({
        metadata: { labels: { [label("cluster-workflow-template")]: "bake-all" } },
        spec: { workflowTemplateRef: { name: "bake-all", clusterScope: true } },
      });
    });

    it("makes one of a cron workflow, as its schedule would", async () => {
      const spec = {
        schedule: "0 * * * *",
        workflowSpec: { entrypoint: "main" },
        workflowMetadata: { labels: { team: "x" }, annotations: { note: "n" } },
      };
      const cron = await make({ ...named("CronWorkflow", "hourly"), spec }, "cronworkflows");
      const { object } = await fire("submit-from", named("CronWorkflow", "hourly"));
      const made = await read(object?.name ?? "");
      expect(made).toMatchObject({
        metadata: {
          labels: { [label("cron-workflow")]: "hourly", team: "x" },
          annotations: { note: "n", [label("scheduled-time")]: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:]{8}Z$/) },
          ownerReferences: [{ kind: "CronWorkflow", name: "hourly", uid: cron.metadata.uid, controller: true }],
        },
        spec: { entrypoint: "main" },
      });
      expect(made.spec.schedule).toBeUndefined();
    });

    it("says what is missing, and what it cannot use", async () => {
      const missing = fire("submit-from", named("WorkflowTemplate", "none"));
      await expect(missing).rejects.toMatchObject({
        code: "RESOURCE_MISSING",
        message: `there is no WorkflowTemplate ${namespace}/none`,
      });
      const wrong = fire("submit-from", workflow({ name: "w" }));
      await expect(wrong).rejects.toMatchObject({ code: "RESOURCE_INVALID" });
    });
  });

  describe("resubmit", () => {
    it("makes a new workflow with what was put into the old one, and nothing of how that went", async () => {
      const labels = { team: "x", [label("completed")]: "true", [label("phase")]: "Failed", [label("creator")]: "ada" };
      const former = { "tidemill.dev/traceparent": "former", "tidemill.dev/event-id": "former" };
      const parameters = [{ name: "a", value: "1" }];
      const spec = { entrypoint: "main", shutdown: "Stop", activeDeadlineSeconds: 0, arguments: { parameters } };
      await make(
        workflow({ name: "old", labels, annotations: { note: "n", ...former } }, { spec, status: { phase: "Failed" } }),
      );
      const { object } = await steer("resubmit", "old", { args: ["-p", "a=2"] });
      await steer("resubmit", "old", { args: ["-p", "a=2"] });
      expect(await all()).toHaveLength(2);
      const made = await read(object?.name ?? "");
      expect(made.metadata.name).toMatch(/^old-/);
      expect(made.spec).toEqual({ entrypoint: "main", arguments: { parameters: [{ name: "a", value: "2" }] } });
      expect(made.status).toBeUndefined();
      const traceparent = `00-${"a".repeat(32)}-${"b".repeat(16)}-01`;
      expect(made.metadata.annotations).toEqual({ note: "n", "tidemill.dev/traceparent": traceparent });
      const { team, [label("resubmitted-from-workflow")]: from, ...rest } = made.metadata.labels;
      expect([team, from]).toEqual(["x", "old"]);
      expect(Object.keys(rest).filter((key) => key.startsWith("workflows."))).toEqual([]);
    });

    it("of a workflow that is not there is a failure", async () => {
      await expect(steer("resubmit", "none")).rejects.toMatchObject({ code: "RESOURCE_MISSING" });
    });
  });

  describe("suspend and resume", () => {
    it("stop new steps, and let them go on", async () => {
      await make(workflow({ name: "w" }, { spec: { entrypoint: "main" } }));
      expect((await steer("suspend", "w")).said).toBe(`suspended workflow ${namespace}/w`);
      expect((await steer("suspend", "w")).said).toBe(`workflow ${namespace}/w is so already: suspended`);
      expect((await read("w")).spec).toEqual({ entrypoint: "main", suspend: true });
      const { object } = await steer("resume", "w");
      expect((await read("w")).spec).toEqual({ entrypoint: "main" });
      expect(object).toEqual({ apiVersion, kind: "Workflow", namespace, name: "w" });
    });

    const nodes = {
      "w-1": { id: "w-1", name: "w", type: "Steps", phase: "Running" },
      "w-2": { id: "w-2", displayName: "approve", type: "Suspend", phase: "Running", message: "asked" },
      "w-3": {
        id: "w-3",
        displayName: "choose",
        type: "Suspend",
        phase: "Running",
        outputs: { parameters: [{ name: "p", valueFrom: { supplied: {}, default: "d" } }] },
      },
    };

    it("let the nodes that wait succeed, with the defaults of what they were to be given", async () => {
      await make(workflow({ name: "w" }, { status: { phase: "Running", nodes } }));
      await steer("resume", "w");
      const { status } = await read("w");
      const ended = { phase: "Succeeded", finishedAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:]{8}Z$/) };
      expect(status.nodes).toEqual({
        "w-1": nodes["w-1"],
        "w-2": { ...nodes["w-2"], ...ended },
        "w-3": { ...nodes["w-3"], ...ended, outputs: { parameters: [{ name: "p", value: "d" }] } },
      });
    });

    it("resume once per firing: a later node is not let go by the second attempt", async () => {
      await make(workflow({ name: "w" }, { status: { nodes } }));
      await steer("resume", "w");
      await done(
        server.api("PATCH", at("workflows", "w"), {
          status: { nodes: { "w-4": { type: "Suspend", phase: "Running" } } },
        }),
      );
      expect((await steer("resume", "w")).said).toBe(`workflow ${namespace}/w is so already: resumed`);
      expect((await read("w")).status.nodes["w-4"].phase).toBe("Running");
      await steer("resume", "w", { key: "e".repeat(32) });
      expect((await read("w")).status.nodes["w-4"].phase).toBe("Succeeded");
    });

    it("resume and stop single nodes by their fields", async () => {
      await make(workflow({ name: "w" }, { status: { nodes } }));
      await steer("resume", "w", { args: ["--node-field-selector", "displayName=approve,phase!=Failed"] });
      await steer("stop", "w", { args: ["--node-field-selector=displayName=choose", "--message", "no"] });
      const { status, spec } = await read("w");
      expect(status.nodes["w-2"].phase).toBe("Succeeded");
      expect(status.nodes["w-3"]).toMatchObject({ phase: "Failed", message: "no" });
      expect(spec).toBeUndefined();
      const none = steer("resume", "w", { args: ["--node-field-selector=displayName=none"], key: "d".repeat(32) });
      await expect(none).rejects.toMatchObject({ code: "WORKFLOW_REFUSED" });
    });

    it("read packed nodes, and refuse those that lie elsewhere", async () => {
      const compressedNodes = gzipSync(JSON.stringify(nodes)).toString("base64");
      await make(workflow({ name: "packed" }, { status: { compressedNodes } }));
      await steer("resume", "packed");
      const { status } = await read("packed");
      expect(status.nodes).toBeUndefined();
      const unpacked = JSON.parse(gunzipSync(Buffer.from(status.compressedNodes, "base64")).toString());
      expect(unpacked["w-2"].phase).toBe("Succeeded");
      await make(workflow({ name: "broken" }, { status: { compressedNodes: "AAAA" } }));
      await expect(steer("resume", "broken")).rejects.toMatchObject({ code: "WORKFLOW_REFUSED", retry: "never" });
      await make(workflow({ name: "away" }, { status: { offloadNodeStatusVersion: "fnv:1" } }));
      await expect(steer("resume", "away")).rejects.toMatchObject({
        code: "WORKFLOW_REFUSED",
        message: "workflow away keeps its nodes in Argo's database, which only the Argo Server reads",
      });
    });

    it("refuse a node that must be given a value, and a workflow that has ended", async () => {
      const waits = {
        type: "Suspend",
        phase: "Running",
        outputs: { parameters: [{ name: "p", valueFrom: { supplied: {} } }] },
      };
      await make(workflow({ name: "w" }, { status: { nodes: { a: waits } } }));
      await expect(steer("resume", "w")).rejects.toMatchObject({ code: "WORKFLOW_REFUSED" });
      await make(workflow({ name: "over", labels: { [label("completed")]: "true" } }));
      await expect(steer("suspend", "over")).rejects.toMatchObject({ code: "WORKFLOW_REFUSED" });
    });
  });

  describe("terminate and stop", () => {
    it.each([
      ["terminate", "Terminate"],
      ["stop", "Stop"],
    ])("%s ends a workflow that runs", async (operation, shutdown) => {
      await make(workflow({ name: "w" }, { spec: { entrypoint: "main" }, status: { phase: "Running" } }));
      await steer(operation, "w");
      expect((await read("w")).spec).toEqual({ entrypoint: "main", shutdown });
      // the workflow has ended before the second attempt of the same firing
      await done(server.api("PATCH", at("workflows", "w"), { status: { phase: "Failed" } }));
      expect((await steer(operation, "w")).said).toContain("is so already");
    });

    it("refuse a workflow that has ended, and one that is not there", async () => {
      await make(workflow({ name: "over" }, { status: { phase: "Succeeded" } }));
      await expect(steer("stop", "over")).rejects.toMatchObject({
        code: "WORKFLOW_REFUSED",
        message: "workflow over has ended (Succeeded)",
      });
      await expect(steer("terminate", "none")).rejects.toMatchObject({
        code: "RESOURCE_MISSING",
        message: `there is no Workflow ${namespace}/none`,
      });
    });

    it("need get and update of workflows, and nothing else", async () => {
      await make(workflow({ name: "w" }, { spec: {} }));
      const name = "steersman";
      const rbac = `/apis/rbac.authorization.k8s.io/v1/namespaces/${namespace}`;
      await done(server.api("POST", `/api/v1/namespaces/${namespace}/serviceaccounts`, { metadata: { name } }));
      const rules = [{ apiGroups: [group], resources: ["workflows"], verbs: ["get", "update"] }];
      await done(server.api("POST", `${rbac}/roles`, { metadata: { name }, rules }));
      const roleRef = { apiGroup: "rbac.authorization.k8s.io", kind: "Role", name };
      const subjects = [{ kind: "ServiceAccount", name, namespace }];
      await done(server.api("POST", `${rbac}/rolebindings`, { metadata: { name }, roleRef, subjects }));
      await using theirs = await openCluster(server, { token: await server.token(name, namespace) });
      await until("the rules hold", () => steer("suspend", "w", { cluster: theirs }));
      for (const operation of ["resume", "stop"]) await steer(operation, "w", { cluster: theirs });
      await expect(fire("submit", workflow({ name: "x" }), { cluster: theirs })).rejects.toMatchObject({
        code: "CLUSTER_FORBIDDEN",
        message: expect.stringContaining(`create workflows.${group} ${namespace}/x`),
      });
    });
  });
});
