import type { KubeKind } from "../../kit/cluster.ts";
import { abortable } from "../../lib/abort.ts";
import { TideError } from "../../lib/errors.ts";
import { isRecord } from "../../lib/json.ts";
import { type Access, answerTimeoutMs } from "./access.ts";
import { statusFault } from "./faults.ts";
import { textAt } from "./kubeconfig.ts";
import { ask } from "./requests.ts";

/** Where objects of a kind are. */
export interface Located {
  /** `/apis/batch/v1`. */
  readonly root: string;
  /** `jobs`. */
  readonly plural: string;
  /** `jobs.batch`, as RBAC messages have it. */
  readonly resource: string;
  readonly kind: string;
  readonly namespaced: boolean;
}

/**
 * Which path a kind has, and whether it is namespaced, as the API tells: asked once per apiVersion, and again when a kind
 * is not among what was known (a CustomResourceDefinition that came later).
 */
export class Discovery {
  readonly #access: Access;
  readonly #known = new Map<string, Promise<readonly Located[]>>();

  constructor(access: Access) {
    this.#access = access;
  }

  /** Rejects with KIND_UNKNOWN, or as a request does. */
  async locate(kind: KubeKind, signal: AbortSignal): Promise<Located> {
    const { apiVersion } = kind;
    const known = this.#known.get(apiVersion);
    const found = known === undefined ? undefined : pick(await abortable(known, signal), kind);
    if (found !== undefined) return found;
    const fresh = pick(await abortable(this.#ask(apiVersion), signal), kind);
    if (fresh !== undefined) return fresh;
    throw new TideError("KIND_UNKNOWN", `the cluster has no ${sayKind(kind)} in ${apiVersion}`);
  }

  /** Forgets what it knows of an apiVersion, because a path of it was not there. */
  forget(apiVersion: string): void {
    this.#known.delete(apiVersion);
  }

  /** One asks for all that wait: the end of one of them must not end it. What failed is asked again. */
  #ask(apiVersion: string): Promise<readonly Located[]> {
    const asked = this.#askNow(apiVersion, AbortSignal.timeout(answerTimeoutMs));
    this.#known.set(apiVersion, asked);
    asked.catch(() => {
      if (this.#known.get(apiVersion) === asked) this.#known.delete(apiVersion);
    });
    return asked;
  }

  async #askNow(apiVersion: string, signal: AbortSignal): Promise<readonly Located[]> {
    if (!/^([a-z0-9.-]+\/)?v[a-z0-9]+$/.test(apiVersion)) {
      throw new TideError("KIND_UNKNOWN", `${JSON.stringify(apiVersion.slice(0, 100))} is no apiVersion`);
    }
    const root = apiVersion.includes("/") ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
    const asked = { verb: "get", resource: root, namespace: undefined, name: "" };
    const answer = await ask(this.#access, { asked, method: "GET", path: root }, signal);
    if (answer.status === 404) throw new TideError("KIND_UNKNOWN", `the cluster has no apiVersion ${apiVersion}`);
    if (answer.status >= 300) throw statusFault(answer, asked);
    const group = apiVersion.includes("/") ? `.${apiVersion.split("/")[0]}` : "";
    return resourcesOf(answer.body).map((one) => ({ ...one, root, resource: `${one.plural}${group}` }));
  }
}

function resourcesOf(body: unknown): readonly Pick<Located, "plural" | "kind" | "namespaced">[] {
  const resources: readonly unknown[] = isRecord(body) && Array.isArray(body.resources) ? body.resources : [];
  return resources.flatMap((one) => {
    const plural = textAt(one, "name");
    const kind = textAt(one, "kind");
    // the others are parts of an object, such as jobs/status
    if (plural === undefined || kind === undefined || plural.includes("/")) return [];
    return [{ plural, kind, namespaced: isRecord(one) && one.namespaced === true }];
  });
}

function pick(known: readonly Located[], kind: KubeKind): Located | undefined {
  return known.find((one) => ("kind" in kind ? one.kind === kind.kind : one.plural === kind.resource));
}

function sayKind(kind: KubeKind): string {
  return "kind" in kind ? `kind ${kind.kind}` : `resource ${kind.resource}`;
}
