import type { Finding } from "../../lib/finding.ts";
import { artifactRules } from "../artifact.ts";
import type { K8sConfig } from "./config.ts";
import { isFields, textAt } from "./object.ts";
import { patchTypes } from "./operations.ts";

/** Findings of a `k8s` trigger; paths are relative to it. */
export function* lint(config: K8sConfig): Iterable<Finding> {
  yield* artifactRules(config.source, ["source"]);
  const { operation = "create", patchStrategy, liveObject } = config;
  if (liveObject === true && operation !== "update") {
    const message = `liveObject has no effect with operation ${operation}: only update reads the object that is there`;
    yield { severity: "warning", code: "FIELD_MISPLACED", path: ["liveObject"], message };
  }
  if (patchStrategy && operation !== "patch") {
    const message = `patchStrategy has no effect with operation ${operation}`;
    yield { severity: "warning", code: "FIELD_MISPLACED", path: ["patchStrategy"], message };
  }
  if (patchStrategy && !patchTypes.some((type) => type === patchStrategy)) {
    const message = `there is no patchStrategy ${JSON.stringify(patchStrategy)}`;
    const fix = `Write one of ${patchTypes.join(", ")}.`;
    yield { severity: "error", code: "FIELD_VALUE", path: ["patchStrategy"], message, fix };
  }
  yield* resourceRules(config, operation);
}

/** What the object itself must have; only where it stands in the manifest, and no parameter can still set it. */
function* resourceRules(config: K8sConfig, operation: string): Iterable<Finding> {
  const { source, parameters = [], patchStrategy } = config;
  const resource = source?.resource;
  const others = Object.entries(source ?? {}).some(([kind, value]) => kind !== "resource" && value);
  if (!isFields(resource) || others) return;
  const isSet = (dest: string): boolean =>
    parameters.some((one) => one.dest === dest || one.dest.startsWith(`${dest}.`));
  const { metadata } = resource;
  const hasName = textAt(metadata, "name") !== "" || isSet("metadata.name");
  const path = ["source", "resource", "metadata"];
  if (operation !== "create" && !hasName) {
    const message = `operation ${operation} needs metadata.name: it acts with an object that is there`;
    yield { severity: "error", code: "FIELD_MISSING", path, message };
  }
  if (
    operation === "create" &&
    !hasName &&
    textAt(metadata, "generateName") === "" &&
    !isSet("metadata.generateName")
  ) {
    yield {
      severity: "error",
      code: "FIELD_MISSING",
      path,
      message: "metadata.name or metadata.generateName is needed",
    };
  }
  const isList = Array.isArray(resource.patch) || isSet("patch");
  if (operation === "patch" && patchStrategy === "application/json-patch+json" && !isList) {
    const message = "a JSON patch is a list of operations, and the object has none";
    const fix = "Write them as a list under `patch`, beside apiVersion, kind and metadata.";
    yield { severity: "error", code: "FIELD_MISSING", path: ["source", "resource", "patch"], message, fix };
  }
}
