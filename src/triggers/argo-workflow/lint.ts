import { badValue, needs } from "../../kit/rules.ts";
import type { Finding } from "../../lib/finding.ts";
import { artifactRules } from "../artifact.ts";
import { isFields, textAt } from "../k8s/object.ts";
import { parseArgs } from "./args.ts";
import type { ArgoWorkflowConfig, Operation } from "./config.ts";
import { urlOf } from "./server.ts";
import { templateKinds } from "./workflow.ts";

/** Findings of an `argoWorkflow` trigger; paths are relative to it. */
export function* lint(config: ArgoWorkflowConfig): Iterable<Finding> {
  yield* artifactRules(config.source, ["source"]);
  // its documentation calls submit the default, and its validation refuses a trigger without one (C2)
  yield* needs(config, ["operation"]);
  const { operation, server } = config;
  if (server !== undefined && urlOf(server.url) === undefined) {
    yield badValue(["server", "url"], "server.url is no URL", "Write it as https://argo-server.argo:2746.");
  }
  if (operation === undefined) return;
  const { options, faults } = parseArgs(operation, config.args ?? []);
  for (const { index, message, fix } of faults) {
    yield { severity: "error", code: "WORKFLOW_ARGUMENT", path: ["args", index], message, fix };
  }
  if (server === undefined && (operation === "retry" || options.set.has("memoized"))) {
    const asked = operation === "retry" ? "operation retry" : "resubmit --memoized";
    yield {
      severity: "warning",
      code: "WORKFLOW_SERVER_MISSING",
      path: ["operation"],
      message: `${asked} is the Argo Server's own work, and no server is named: each firing will fail`,
      fix: "Add server with the url of the Argo Server.",
    };
  }
  const isNamed = options.values.has("name") || options.values.has("generate-name");
  yield* resourceRules(config, operation, operation === "submit" && isNamed);
}

/** What the object itself must have; only where it stands in the manifest, and no parameter can still set it. */
function* resourceRules(config: ArgoWorkflowConfig, operation: Operation, isNamed: boolean): Iterable<Finding> {
  const { source, parameters = [] } = config;
  const resource = source?.resource;
  const others = Object.entries(source ?? {}).some(([kind, value]) => kind !== "resource" && value);
  if (!isFields(resource) || others) return;
  const isSet = (dest: string): boolean =>
    parameters.some((one) => one.dest === dest || one.dest.startsWith(`${dest}.`));
  const has = (key: "name" | "generateName") => textAt(resource.metadata, key) !== "" || isSet(`metadata.${key}`);
  const at = ["source", "resource"];
  if (!isNamed && !has("name") && !(operation === "submit" && has("generateName"))) {
    const wanted = operation === "submit" ? "metadata.name or metadata.generateName" : "metadata.name";
    const message = `operation ${operation} needs ${wanted}`;
    yield { severity: "error", code: "FIELD_MISSING", path: [...at, "metadata"], message };
  }
  const kinds = operation === "submit" ? ["Workflow"] : operation === "submit-from" ? templateKinds : [];
  const kind = textAt(resource, "kind");
  if (kinds.length > 0 && kind !== "" && !kinds.includes(kind) && !isSet("kind")) {
    const fix = `Name a ${kinds.join(", ")}.`;
    yield { ...badValue([...at, "kind"], `operation ${operation} cannot use a ${kind}`, fix), severity: "warning" };
  }
}
