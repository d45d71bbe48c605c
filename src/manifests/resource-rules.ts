import { badValue } from "../kit/rules.ts";
import type { Finding } from "../lib/finding.ts";
import { isRecord, type JsonObject } from "../lib/json.ts";
import { own, recordAt, textAt } from "./json.ts";
import { readYaml } from "./yaml.ts";

/** What is written in place as an artifact (reference 5) can be read now: `resource` and `inline`. Paths begin at `source`'s parent. */
export function* sourceRules(source: JsonObject): Iterable<Finding> {
  const resource = own(source, "resource");
  if (resource !== undefined && resource !== null) {
    if (isRecord(resource)) yield* objectRules(resource, "resource");
    else yield badValue(["source", "resource"], "resource must be an object", "Write the Kubernetes object there.");
  }
  const inline = textAt(source, "inline");
  if (inline !== undefined) yield* inlineRules(inline);
}

function* inlineRules(text: string): Iterable<Finding> {
  const path = ["source", "inline"];
  const { documents, findings } = readYaml(text);
  const [fault] = findings;
  if (fault !== undefined) {
    const found = badValue(path, `line ${fault.line}: ${fault.message}`, "Correct the YAML.");
    yield { ...found, offset: offsetOf(text, fault.line, fault.column) };
    return;
  }
  const [first, ...more] = documents;
  if (first === undefined || more.length > 0 || !isRecord(first.value))
    yield badValue(path, "inline must be one YAML or JSON object", "Write one object.");
  else yield* objectRules(first.value, "inline");
}

/** A parameter may still set what is missing, so these are warnings. */
function* objectRules(object: JsonObject, key: string): Iterable<Finding> {
  const absent = ["apiVersion", "kind"].filter((field) => textAt(object, field) === undefined);
  const metadata = recordAt(object, "metadata");
  if (textAt(metadata, "name") === undefined && textAt(metadata, "generateName") === undefined)
    absent.push("metadata.name or metadata.generateName");
  if (absent.length === 0) return;
  const found = badValue(["source", key], `the object has no ${absent.join(", no ")}`, `Add ${absent.join(" and ")}.`);
  yield { ...found, severity: "warning" };
}

function offsetOf(text: string, line: number, column: number): number {
  const before = text.split("\n").slice(0, line - 1);
  return before.reduce((sum, one) => sum + one.length + 1, 0) + column - 1;
}
