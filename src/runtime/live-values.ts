import type { Manifests, ValuesDocument } from "../manifests/manifests.ts";
import { createValues, type Values, type ValuesOptions } from "../manifests/values.ts";
import type { Redactor } from "../telemetry/redact.ts";
import type { Changes } from "./reload-report.ts";

/** The Secrets and ConfigMaps of the manifests, as they are now. */
export type Documents = () => Pick<Manifests, "secrets" | "configMaps">;

/** Values whose documents can be swapped while they are in use; every secret that is read is one that no line may show. */
export interface LiveValues extends Values {
  readonly documents: Documents;
  /** From now on these. */
  swap(documents: Pick<Manifests, "secrets" | "configMaps">): Changes;
}

export function createLiveValues(options: ValuesOptions, redactor: Redactor): LiveValues {
  let documents: Pick<Manifests, "secrets" | "configMaps"> = options;
  let values = createValues(options);
  return {
    configMap: (namespace, ref) => values.configMap(namespace, ref),
    async secret(namespace, ref) {
      const value = await values.secret(namespace, ref);
      redactor.add(value);
      return value;
    },
    documents: () => documents,
    swap({ secrets, configMaps }) {
      const before = textsOf(documents);
      documents = { secrets, configMaps };
      values = createValues({ ...options, secrets, configMaps });
      const after = textsOf(documents);
      const names = [...after.keys()];
      return {
        added: names.filter((name) => !before.has(name)),
        changed: names.filter((name) => before.has(name) && before.get(name) !== after.get(name)),
        removed: [...before.keys()].filter((name) => !after.has(name)),
        kept: names.filter((name) => before.get(name) === after.get(name)),
        failed: [],
      };
    },
  };
}

/** The content of each document, by `Secret namespace/name`. */
function textsOf({ secrets, configMaps }: Pick<Manifests, "secrets" | "configMaps">): ReadonlyMap<string, string> {
  const texts = (kind: string, all: readonly ValuesDocument[]) =>
    all.map(({ namespace, name, data }) => [`${kind} ${namespace}/${name}`, JSON.stringify([...data].sort())] as const);
  return new Map([...texts("Secret", secrets), ...texts("ConfigMap", configMaps)]);
}
