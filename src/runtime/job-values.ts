import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { codeOf, isTide } from "../lib/errors.ts";
import type { ValuesDocument } from "../manifests/manifests.ts";
import type { Values } from "../manifests/values.ts";
import type { JobValues } from "../triggers/local-jobs/job-env.ts";
import type { Documents } from "./live-values.ts";

/** Secrets and ConfigMaps as the containers of a Job ask for them: by the same look-up as everything else. */
export function jobValues(
  values: Values,
  from: { readonly documents: Documents; readonly secretsDir?: string | undefined },
): JobValues {
  return {
    secret: (namespace, ref) => orUndefined(values.secret(namespace, ref)),
    configMap: (namespace, ref) => orUndefined(values.configMap(namespace, ref)),
    async secretData(namespace, name) {
      const document = documentOf(from.documents().secrets, namespace, name);
      const files = await fileNames(from.secretsDir, name);
      if (document === undefined && files === undefined) return undefined;
      const keys = new Set([...(document?.data.keys() ?? []), ...(files ?? [])]);
      const data = new Map<string, string>();
      for (const key of keys) {
        const value = await orUndefined(values.secret(namespace, { name, key }));
        if (value !== undefined) data.set(key, value);
      }
      return data;
    },
    configMapData: async (namespace, name) => documentOf(from.documents().configMaps, namespace, name)?.data,
  };
}

function documentOf(documents: readonly ValuesDocument[], namespace: string, name: string): ValuesDocument | undefined {
  return documents.find((one) => one.namespace === namespace && one.name === name);
}

/** The keys that the secrets folder has for a Secret; names that no key can have (`..data` of a mount) are left out. */
async function fileNames(secretsDir: string | undefined, name: string): Promise<readonly string[] | undefined> {
  if (secretsDir === undefined || !/^[-_a-zA-Z0-9][-._a-zA-Z0-9]*$/.test(name)) return undefined;
  try {
    const entries = await readdir(join(secretsDir, name), { withFileTypes: true });
    return entries.filter((entry) => !entry.isDirectory() && !entry.name.startsWith("..")).map((entry) => entry.name);
  } catch (error) {
    if (codeOf(error) === "ENOENT" || codeOf(error) === "ENOTDIR") return undefined;
    throw error;
  }
}

async function orUndefined(value: Promise<string>): Promise<string | undefined> {
  try {
    return await value;
  } catch (error) {
    if (isTide(error, "SECRET_MISSING")) return undefined;
    throw error;
  }
}
