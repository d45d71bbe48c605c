import type { Source } from "../kit/source.ts";
import { calendar } from "./calendar.ts";
import { eventBridge } from "./event-bridge.ts";
import { redisStream } from "./redis-stream.ts";
import { resource } from "./resource.ts";
import { sns } from "./sns.ts";
import { sqs } from "./sqs.ts";
import { webhook } from "./webhook.ts";

/** All event source types. The types of their configurations are known to each alone. */
export const sources: readonly Source<unknown>[] = [
  forget(webhook),
  forget(sqs),
  forget(sns),
  forget(eventBridge),
  forget(redisStream),
  forget(calendar),
  forget(resource),
];

/** `run` is only ever given what its own `config` accepted, so its type can be forgotten here. */
function forget<C>(source: Source<C>): Source<unknown> {
  return source as Source<never> as Source<unknown>;
}
