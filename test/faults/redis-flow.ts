import { available } from "../servers/recipes.ts";
import { until } from "../until.ts";
import type { CountingTarget } from "./counting-target.ts";
import type { Sent } from "./senders.ts";

/* The flow of the scenarios over Redis: entries of the stream FOO, each posted to a target. */

export const group = "argo-events-cg";

/** Why there is no Redis; undefined: there is one. */
export function withoutRedis(): string | undefined {
  const found = available("redis");
  return found.ok ? undefined : `redis is not on this machine: ${found.install}`;
}

/** `atOnce`: how many entries a read brings; as the source chooses unless given. */
export function streamManifests(address: string, url: string, { atOnce }: { readonly atOnce?: number } = {}): string {
  const read = atOnce === undefined ? "" : ` maxMsgCountPerRead: ${atOnce},`;
  return `apiVersion: argoproj.io/v1alpha1
kind: EventSource
metadata: { name: redis }
spec:
  redisStream:
    foo: { hostAddress: "${address}", streams: [FOO],${read} consumerGroup: ${group} }
---
apiVersion: argoproj.io/v1alpha1
kind: Sensor
metadata: { name: stream }
spec:
  dependencies:
    - { name: foo, eventSourceName: redis, eventName: foo }
  triggers:
    - template:
        name: post
        http:
          url: ${url}
          method: POST
          payload:
            - { src: { dependencyName: foo, dataKey: values.n }, dest: number }
            - { src: { dependencyName: foo, dataKey: message_id }, dest: id }
`;
}

/** Who adds entries until it is stopped. */
export interface Adding extends AsyncDisposable {
  readonly sent: Sent;
  stop(): Promise<void>;
}

export async function everyEntryPosted(target: CountingTarget, { acknowledged }: Sent): Promise<void> {
  await until("every entry reached the target", () => target.at("/stream").byNumber.size >= acknowledged.size, {
    timeoutMs: 120_000,
    everyMs: 100,
  });
}
