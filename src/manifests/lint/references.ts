import type { z } from "zod";
import { didYouMean } from "../../lib/did-you-mean.ts";
import type { Finding, Path } from "../../lib/finding.ts";
import { fieldsAt } from "../fields-at.ts";
import { recordAt, textAt } from "../json.ts";
import type { ValuesDocument } from "../manifests.ts";

/** The Secrets and ConfigMaps among the manifests. */
export interface Values {
  readonly secrets: readonly ValuesDocument[];
  readonly configMaps: readonly ValuesDocument[];
}

/**
 * Keys asked of a Secret or ConfigMap that is among the manifests and does not have them. One that is not there may come
 * from the environment or a folder, and is no finding.
 */
export function* missingKeys(
  schema: z.ZodType,
  value: unknown,
  at: { readonly path: Path; readonly namespace: string; readonly values: Values },
): Iterable<Finding> {
  for (const field of fieldsAt(schema, value, at.path)) {
    const { ref } = field.meta;
    if (ref === undefined) continue;
    const name = textAt(recordAt(field.value), "name");
    const key = textAt(recordAt(field.value), "key");
    const documents = ref === "secret" ? at.values.secrets : at.values.configMaps;
    const document = documents.find((one) => one.name === name && one.namespace === at.namespace);
    if (key === undefined || document === undefined || document.data.has(key)) continue;
    const what = ref === "secret" ? "Secret" : "ConfigMap";
    const meant = didYouMean(key, document.data.keys());
    const fix = meant === undefined ? `Add ${key} to the ${what} ${name}.` : `Did you mean ${meant}?`;
    const message = `the ${what} ${name} among the manifests has no key ${key}`;
    yield { severity: "warning", code: "SECRET_KEY_MISSING", path: [...field.path, "key"], message, fix };
  }
}
