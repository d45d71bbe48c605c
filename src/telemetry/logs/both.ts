import type { Log } from "../../lib/log.ts";

/** Says everything twice: to a person here, and to a store elsewhere. */
export function both(one: Log, other: Log): Log {
  return {
    trace: (fields, message) => [one.trace(fields, message), other.trace(fields, message)],
    debug: (fields, message) => [one.debug(fields, message), other.debug(fields, message)],
    info: (fields, message) => [one.info(fields, message), other.info(fields, message)],
    warn: (fields, message) => [one.warn(fields, message), other.warn(fields, message)],
    error: (fields, message) => [one.error(fields, message), other.error(fields, message)],
    child: (fields) => both(one.child(fields), other.child(fields)),
  };
}
