import type { Trigger } from "../kit/trigger.ts";
import { argoWorkflow } from "./argo-workflow.ts";
import { http } from "./http.ts";
import { k8s } from "./k8s.ts";
import { log } from "./log.ts";

/** Every trigger type there is. The stage hands each the configuration that its own schema passed, and its own client. */
export const triggers: readonly Trigger<unknown, unknown>[] = [
  forget(http),
  forget(k8s),
  forget(argoWorkflow),
  forget(log),
];

/** A list of different types can only hold them without their configurations and clients. */
function forget<C, Client>(trigger: Trigger<C, Client>): Trigger<unknown, unknown> {
  return trigger as Trigger<never, never> as Trigger<unknown, unknown>;
}
