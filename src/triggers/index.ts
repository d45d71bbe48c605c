import type { Trigger } from "../kit/trigger.ts";
import { argoWorkflow } from "./argo-workflow.ts";
import { awsLambda } from "./aws-lambda.ts";
import { email } from "./email.ts";
import { event } from "./event.ts";
import { eventBridge } from "./event-bridge.ts";
import { functionTrigger } from "./function.ts";
import { http } from "./http.ts";
import { k8s } from "./k8s.ts";
import { log } from "./log.ts";
import { slack } from "./slack.ts";
import { sns } from "./sns.ts";
import { sql } from "./sql.ts";
import { sqs } from "./sqs.ts";

/** Every trigger type there is. The stage hands each the configuration that its own schema passed, and its own client. */
export const triggers: readonly Trigger<unknown, unknown>[] = [
  forget(http),
  forget(k8s),
  forget(argoWorkflow),
  forget(awsLambda),
  forget(log),
  forget(slack),
  forget(email),
  forget(sql),
  forget(sqs),
  forget(sns),
  forget(eventBridge),
  forget(event),
  forget(functionTrigger),
];

/** A list of different types can only hold them without their configurations and clients. */
function forget<C, Client>(trigger: Trigger<C, Client>): Trigger<unknown, unknown> {
  return trigger as Trigger<never, never> as Trigger<unknown, unknown>;
}
