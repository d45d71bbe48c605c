import { type ServerPlace, type SqlAddress, type SqlitePlace, sqlPlaceOf } from "../lib/sql-place.ts";

/** How faults of a record's address are told. */
export const recordAddress: SqlAddress = { code: "RECORD_URL", what: "the address of the record" };

/** The place that the address of a record names. Throws RECORD_URL, whose message never has the address itself. */
export function placeOf(url: string): SqlitePlace | ServerPlace {
  return sqlPlaceOf(url, recordAddress);
}
