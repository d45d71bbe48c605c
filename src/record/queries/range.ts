import type { ExpressionBuilder } from "kysely";
import type { RecordRange } from "../record.ts";
import type { Tables } from "../schema.ts";
import type { Rows } from "./query.ts";

/** Events received from `fromUs` until before `toUs`. */
export function inRange({ build }: Rows, range: RecordRange) {
  return build.selectFrom("event").where((eb) => eb.and(conditions(eb, range)));
}

function conditions(eb: ExpressionBuilder<Tables, "event">, { fromUs, toUs, namespace }: RecordRange) {
  return [
    ...(fromUs === undefined ? [] : [eb("event.received_us", ">=", fromUs)]),
    ...(toUs === undefined ? [] : [eb("event.received_us", "<", toUs)]),
    ...(namespace === undefined ? [] : [eb("event.namespace", "=", namespace)]),
  ];
}

/** Firings decided from `fromUs` until before `toUs`. */
export function firingsInRange({ build }: Rows, { fromUs, toUs, namespace }: RecordRange) {
  return build
    .selectFrom("firing")
    .where((eb) =>
      eb.and([
        ...(fromUs === undefined ? [] : [eb("firing.fired_us", ">=", fromUs)]),
        ...(toUs === undefined ? [] : [eb("firing.fired_us", "<", toUs)]),
        ...(namespace === undefined ? [] : [eb("firing.namespace", "=", namespace)]),
      ]),
    );
}
