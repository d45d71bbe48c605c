import { createEgress, type Egress, localPolicy } from "../kit/egress.ts";
import type { KeyRef } from "../kit/fields.ts";
import type { Call, ConnectContext, Outcome, Trigger } from "../kit/trigger.ts";
import { type Clock, systemClock } from "../lib/clock.ts";
import { TideError } from "../lib/errors.ts";
import type { Event } from "../lib/event.ts";
import { type Log, silentLog } from "../lib/log.ts";
import { Scope } from "../lib/scope.ts";

/** For tests of trigger types: what the stage does around one firing, with everything given by hand. */
export interface Trial extends AsyncDisposable {
  fire(call?: Partial<Call<never, never>>): Promise<Outcome>;
}

export interface TrialOptions {
  readonly secrets?: Readonly<Record<string, string>>;
  readonly clock?: Clock;
  readonly log?: Log;
  readonly cluster?: ConnectContext<unknown>["cluster"];
  readonly folder?: string;
  /** What it may connect to; everything but link-local and metadata addresses unless given. */
  readonly egress?: Egress;
}

/** Secrets and ConfigMaps are named `name/key`. The configuration is checked by the trigger's own schema first. */
export async function trial<C, Client>(
  trigger: Trigger<C, Client>,
  config: unknown,
  options: TrialOptions = {},
): Promise<Trial> {
  const checked = trigger.config.parse(config);
  const value = async ({ name, key }: KeyRef): Promise<string> => {
    const found = options.secrets?.[`${name}/${key}`];
    if (found === undefined) throw new TideError("SECRET_MISSING", `${name}/${key}`);
    return found;
  };
  const scope = new Scope();
  const kept = new Map<string, AsyncDisposable>();
  const cx: ConnectContext<C> = {
    config: checked,
    namespace: "default",
    folder: options.folder ?? "/nowhere",
    signal: new AbortController().signal,
    log: options.log ?? silentLog,
    clock: options.clock ?? systemClock,
    secret: value,
    configMap: value,
    sdk: (_, load) => load(),
    keep<T extends AsyncDisposable>(name: string, open: () => T): T {
      const held = kept.get(name) ?? scope.use(open());
      kept.set(name, held);
      return held as T;
    },
    egress: options.egress ?? createEgress(localPolicy),
    cluster: options.cluster,
  };
  const client = scope.use(await trigger.connect?.(cx));
  return {
    async fire(call = {}) {
      const whole: Call<C, Client> = {
        ...cx,
        client: client as Client,
        sensor: "shop",
        trigger: "act",
        resource: trigger.resource === undefined ? undefined : await trigger.resource(cx),
        payload: undefined,
        events: new Map(),
        key: "f".repeat(32),
        attempt: 1,
        trace: { context: { traceparent: `00-${"a".repeat(32)}-${"b".repeat(16)}-01` }, span: () => undefined },
        emit: () => Promise.reject(new TideError("STOPPED", "this trial has no bus")),
        resolve: () => new Map(),
        ...(call as Partial<Call<C, Client>>),
      };
      return trigger.fire(whole);
    },
    [Symbol.asyncDispose]: () => scope[Symbol.asyncDispose](),
  };
}

export function eventOf(data: string | Uint8Array): Event {
  return {
    id: "0".repeat(32),
    source: "shop",
    type: "webhook",
    subject: "order",
    time: "2026-01-05T09:00:00Z",
    datacontenttype: "application/json",
    data: typeof data === "string" ? Buffer.from(data) : data,
    extensions: {},
  };
}
