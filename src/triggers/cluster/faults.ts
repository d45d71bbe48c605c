import { type CodeName, codeOf, messageOf, type Retry, TideError } from "../../lib/errors.ts";
import { isRecord } from "../../lib/json.ts";
import { type Fields, textAt } from "./kubeconfig.ts";

/** What was asked, for messages. */
export interface Asked {
  /** Of RBAC: `create`, `get`, `list`, `watch`, `update`, `patch`, `delete`. */
  readonly verb: string;
  /** The plural and its group: `jobs.batch`, `pods`. */
  readonly resource: string;
  /** undefined: cluster-scoped, or all. */
  readonly namespace: string | undefined;
  readonly name: string;
  /** Done twice it may change more than done once. */
  readonly once?: boolean;
}

/** `create jobs.batch orders/pack-x2b`. */
export function sayAsked({ verb, resource, namespace, name }: Asked): string {
  return [`${verb} ${resource}`, [namespace, name].filter((part) => part).join("/")].filter((part) => part).join(" ");
}

/** Codes of Node and undici that mean: no connection, nothing sent. */
const unreachable: ReadonlySet<string> = new Set([
  ...["ECONNREFUSED", "ENOTFOUND", "EAI_AGAIN", "EAI_FAIL", "EAI_NODATA", "EAI_NONAME"],
  ...["EHOSTUNREACH", "EHOSTDOWN", "ENETUNREACH", "ENETDOWN", "EADDRNOTAVAIL", "UND_ERR_CONNECT_TIMEOUT"],
]);

/** What undici threw. Everything is safe to repeat, but for a JSON patch, which may add to a list. */
export function connectionFault(cause: unknown, asked: Asked, server: string): TideError {
  return new TideError(codeNameOf(codeOf(cause) ?? "", asked), `${sayAsked(asked)} at ${server}: ${messageOf(cause)}`, {
    cause,
  });
}

function codeNameOf(code: string, { once }: Asked): CodeName {
  if (unreachable.has(code)) return "TARGET_UNREACHABLE";
  if (/^(ERR_TLS_|ERR_SSL_|CERT_|ERR_OSSL_|EPROTO|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO_|HOSTNAME_)/.test(code)) {
    return "TARGET_TLS";
  }
  return once === true ? "TARGET_RESET" : "CLUSTER_BUSY";
}

/** A failure that the API told, in our codes. `status` is its `Status` object, or any other body. */
export function statusFault(
  answer: { readonly status: number; readonly body: unknown; readonly retryAfterMs: number | undefined },
  asked: Asked,
): TideError {
  const { status, body, retryAfterMs } = answer;
  const said = textAt(body, "message") ?? (typeof body === "string" ? body.trim().slice(0, 300) : "");
  const told = `${sayAsked(asked)}: ${said || "the API server gave no reason"} (${status})`;
  const retry: { retry?: Retry } = retryAfterMs === undefined ? {} : { retry: { afterMs: retryAfterMs } };
  if (status === 401) return new TideError("CLUSTER_UNAUTHORIZED", told);
  if (status === 403) return forbidden(asked, { said, told, body });
  if (status === 404) return new TideError("RESOURCE_MISSING", told);
  if (status === 410) return new TideError("WATCH_EXPIRED", told);
  if (status === 409) {
    const exists = textAt(body, "reason") === "AlreadyExists";
    return new TideError(exists ? "RESOURCE_EXISTS" : "RESOURCE_CONFLICT", told, retry);
  }
  if (status === 429 || status >= 500) return new TideError("CLUSTER_BUSY", told, retry);
  return new TideError("CLUSTER_REFUSED", told);
}

function forbidden(
  asked: Asked,
  { said, told, body }: { readonly said: string; readonly told: string; readonly body: unknown },
): TideError {
  if (/exceeded quota/.test(said)) return new TideError("QUOTA_EXCEEDED", told);
  if (causes(body).includes("NamespaceTerminating")) {
    return new TideError("RESOURCE_MISSING", `${told}: the namespace ${asked.namespace} is being deleted`);
  }
  const user = /\bUser "([^"]+)" cannot /.exec(said)?.[1];
  // an admission plugin or webhook, not RBAC
  if (user === undefined) return new TideError("CLUSTER_REFUSED", told);
  return new TideError("CLUSTER_FORBIDDEN", `${told}. ${ruleFor(asked, user)}`);
}

/** What a person adds: the rule, and who is to have it. */
function ruleFor({ verb, resource, namespace }: Asked, user: string): string {
  const [plural = "", ...group] = resource.split(".");
  const account = /^system:serviceaccount:([^:]+):(.+)$/.exec(user);
  const who = account === null ? `the user ${user}` : `the ServiceAccount ${account[2]} of namespace ${account[1]}`;
  const rule = `{ apiGroups: [${JSON.stringify(group.join("."))}], resources: [${plural}], verbs: [${verb}] }`;
  const role = namespace === undefined ? "a ClusterRole" : `a Role in namespace ${namespace}`;
  return `To allow it, bind ${role} with the rule ${rule} to ${who}`;
}

function causes(body: unknown): readonly string[] {
  const details: Fields = isRecord(body) && isRecord(body.details) ? body.details : {};
  return Array.isArray(details.causes) ? details.causes.map((cause) => textAt(cause, "reason") ?? "") : [];
}
