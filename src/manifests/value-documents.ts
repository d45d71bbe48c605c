import { isUtf8 } from "node:buffer";
import type { Finding } from "../lib/finding.ts";
import { isRecord } from "../lib/json.ts";
import { own } from "./json.ts";
import type { ValuesDocument } from "./manifests.ts";
import type { ManifestObject } from "./objects.ts";

/** Reads a Secret (data is base64, stringData text and wins) or a ConfigMap (data is text, binaryData base64). */
export function readValues(manifest: ManifestObject): { values: ValuesDocument; findings: readonly Finding[] } {
  const findings: Finding[] = [];
  const data = new Map<string, string>();
  const secret = manifest.kind === "Secret";
  const encoded = secret ? "data" : "binaryData";
  const plain = secret ? "stringData" : "data";
  for (const field of [encoded, plain]) {
    const written = own(manifest.value, field);
    if (written === undefined || written === null) continue;
    if (!isRecord(written)) {
      findings.push(bad([field], `${field} must be a map`));
      continue;
    }
    for (const [key, value] of Object.entries(written)) {
      const text = typeof value === "string" || value === null ? decode(value ?? "", field === encoded) : undefined;
      if (text !== undefined) data.set(key, text);
      else
        findings.push(
          bad([field, key], `${key} ${typeof value === "string" ? "is not base64 of text" : "must be text"}`),
        );
    }
  }
  return { values: { namespace: manifest.namespace, name: manifest.name, data }, findings };
}

function decode(value: string, base64: boolean): string | undefined {
  if (!base64) return value;
  const bare = value.replaceAll(/\s/g, "");
  if (!/^[A-Za-z0-9+/]*={0,2}$/.test(bare) || bare.length % 4 !== 0) return undefined;
  const bytes = Buffer.from(bare, "base64");
  return isUtf8(bytes) ? bytes.toString() : undefined;
}

function bad(path: readonly string[], message: string): Finding {
  return { severity: "error", code: "VALUE_INVALID", path, message };
}
