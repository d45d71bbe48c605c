import { readBatchAnswer } from "../kit/batch.ts";
import type { Outcome, Rendered, Trigger } from "../kit/trigger.ts";
import { parseDurationMs } from "../lib/duration.ts";
import { TideError } from "../lib/errors.ts";
import { type RenderType, renderCall, shownType } from "./render.ts";
import type { OutcomeCase } from "./test-file.ts";

/** One attempt that reached its double. */
export interface DoubleCall {
  readonly sensor: string;
  readonly trigger: string;
  /** The firing's id. */
  readonly key: string;
  readonly attempt: number;
  readonly atMs: number;
  readonly rendered: Rendered;
}

export interface Doubles {
  readonly triggers: readonly Trigger<unknown, unknown>[];
  readonly calls: readonly DoubleCall[];
  /** How many calls are under way. */
  readonly busy: () => number;
}

export interface DoublesParts {
  readonly types: readonly (RenderType & Pick<Trigger<unknown, unknown>, "title" | "summary" | "config">)[];
  /** By trigger, or sensor/trigger: the answers in order, the last one repeats. */
  readonly outcomes: Readonly<Record<string, readonly OutcomeCase[]>>;
}

/**
 * Stands for every trigger type: shows what would be sent and answers as the script says, without a connection. Retries,
 * limits and dead letters around it are the runtime's own.
 */
export function createDoubles({ types, outcomes }: DoublesParts): Doubles {
  const calls: DoubleCall[] = [];
  const answered = new Map<string, number>();
  let busy = 0;
  const during = async <T>(work: () => Promise<T>): Promise<T> => {
    busy += 1;
    try {
      return await work();
    } finally {
      busy -= 1;
    }
  };
  const double = (type: DoublesParts["types"][number]): Trigger<unknown, unknown> => {
    const shown = shownType(type, false);
    const { resource } = shown;
    return {
      kind: type.kind,
      title: type.title,
      summary: type.summary,
      example: "",
      config: type.config,
      ...(resource === undefined ? {} : { resource: (cx) => during(() => resource(cx)) }),
      async fire(call) {
        const { sensor, trigger, key, attempt, clock } = call;
        const atMs = clock.nowMs();
        const rendered = await during(() => renderCall(shown, call));
        calls.push({ sensor, trigger, key, attempt, atMs, rendered });
        const script = outcomes[`${sensor}/${trigger}`] ?? outcomes[trigger] ?? [];
        const nth = answered.get(`${sensor}/${trigger}`) ?? 0;
        answered.set(`${sensor}/${trigger}`, nth + 1);
        const scripted = script[Math.min(nth, script.length - 1)] ?? {};
        const delayMs = parseDurationMs(scripted.delay ?? "0") ?? 0;
        if (delayMs > 0) await clock.sleep(delayMs, call.signal);
        return outcomeOf(scripted, { kind: type.kind, batch: call.batch !== undefined });
      },
    };
  };
  return { triggers: types.map(double), calls, busy: () => busy };
}

function outcomeOf(scripted: OutcomeCase, of: { readonly kind: string; readonly batch: boolean }): Outcome {
  if (scripted.error !== undefined) throw new TideError("TARGET_UNREACHABLE", scripted.error);
  const { status = of.kind === "http" ? 200 : undefined, body, retryAfter, stop } = scripted;
  const pauseMs = retryAfter === undefined ? undefined : parseDurationMs(retryAfter);
  const good = status === undefined || (status >= 200 && status <= 299);
  return {
    ...(status === undefined ? {} : { status }),
    ...(body === undefined ? {} : { body }),
    ...(pauseMs === undefined ? {} : { retryAfterMs: pauseMs }),
    ...(stop === true ? { stop: "the test's target asks for it" } : {}),
    ...(of.batch && good ? { failedItems: readBatchAnswer(body ?? "", { cut: false, json: false }) } : {}),
  };
}
