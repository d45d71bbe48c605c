import { newestOf } from "../sensors/firing-of.ts";
import { type Found, groupOfLetter, statusOf } from "./dead-letter-scan.ts";
import { compileWhere, type Where, whereData } from "./where.ts";

/** Which dead letters are meant; what is absent leaves all. */
export interface DeadLetterFilter {
  readonly namespace?: string | undefined;
  readonly sensor?: string | undefined;
  readonly trigger?: string | undefined;
  /** `TMnnnn`. */
  readonly code?: string | undefined;
  /** The id of a cause. */
  readonly group?: string | undefined;
  /** Died at or after this, Unix microseconds. */
  readonly sinceUs?: number | undefined;
  /** Died at or before this. */
  readonly untilUs?: number | undefined;
  /** An expression over data, events, sensor, trigger, reason and so on. */
  readonly where?: string | undefined;
}

/** A filter, ready to be asked. */
export interface DeadLetterChoice {
  matches(found: Found): boolean;
  /** For how many the expression could not be evaluated: they do not match. */
  readonly failed: Where["failed"];
}

/** Throws USAGE for an expression that cannot be read. What costs more is asked last. */
export function chooseBy(filter: DeadLetterFilter, nowMs: number): DeadLetterChoice {
  const { namespace, sensor, trigger, code, group, sinceUs, untilUs } = filter;
  const where = filter.where === undefined ? undefined : compileWhere(filter.where, nowMs);
  return {
    matches(found) {
      const { run, letter } = found;
      const { firing, reason } = letter;
      return (
        (namespace === undefined || run.namespace === namespace) &&
        (sensor === undefined || firing.sensor === sensor) &&
        (trigger === undefined || firing.trigger === trigger) &&
        (code === undefined || reason.code === code) &&
        (sinceUs === undefined || reason.atUs >= sinceUs) &&
        (untilUs === undefined || reason.atUs <= untilUs) &&
        (group === undefined || groupOfLetter(found) === group) &&
        (where === undefined || where.holds(namesOf(found)))
      );
    },
    get failed() {
      return where?.failed;
    },
  };
}

/** What an expression may name: `data` is that of the newest event, `events.<dependency>` of each. */
function namesOf(found: Found): Readonly<Record<string, unknown>> {
  const { run, letter } = found;
  const { firing, reason, events } = letter;
  const newest = newestOf(firing.events);
  const newestEvent = events.find(({ dependency }) => dependency === newest?.dependency)?.event;
  return {
    data: newestEvent === undefined ? null : whereData(newestEvent.data),
    events: new Map(events.map(({ dependency, event }) => [dependency, whereData(event.data)])),
    source: newestEvent?.source ?? "",
    subject: newestEvent?.subject ?? "",
    namespace: run.namespace,
    sensor: firing.sensor,
    trigger: firing.trigger,
    code: reason.code,
    status: statusOf(reason) ?? "",
    reason: reason.message,
    attempts: firing.attempts,
    rounds: firing.retried?.rounds ?? 0,
    edited: firing.successor !== undefined,
    group: groupOfLetter(found),
  };
}
