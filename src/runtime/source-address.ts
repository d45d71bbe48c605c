import type { SourcePlan } from "../manifests/manifests.ts";
import { member } from "../sensors/json.ts";

/** Where an entry that serves HTTP can be reached on this machine: `POST http://127.0.0.1:12000/orders`. */
export function addressOf(plan: SourcePlan, listenHost: string): string | undefined {
  const settings =
    serving(plan.config, plan.kind === "eventBridge" ? "/" : undefined) ?? serving(member(plan.config, "webhook"));
  if (settings === undefined) return undefined;
  const { port, endpoint, method, secure } = settings;
  const host = listenHost.includes(":") ? `[${listenHost}]` : listenHost;
  return `${method} ${secure ? "https" : "http"}://${host}:${port}${endpoint.startsWith("/") ? "" : "/"}${endpoint}`;
}

function serving(config: unknown, root?: string) {
  const port = member(config, "port");
  // an AWS endpoint is the root of its port
  const endpoint = member(config, "endpoint") ?? root;
  if (typeof port !== "string" || typeof endpoint !== "string") return undefined;
  const method = member(config, "method");
  return {
    port,
    endpoint,
    method: typeof method === "string" && method !== "" ? method : "POST",
    secure: member(config, "serverCertSecret") !== undefined,
  };
}
