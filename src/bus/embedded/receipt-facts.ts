import type { Brought, ReceiptFact, StoredFact } from "../../lib/facts.ts";
import type { NewEvent } from "../bus.ts";

/** The fact of an event that is kept under this id and at this place. */
export function storedFact(made: NewEvent, id: string, seq: number): StoredFact {
  const { event, receivedUs } = made;
  return {
    k: "stored",
    event: id,
    seq,
    source: event.source,
    subject: event.subject,
    type: event.type,
    receivedUs,
    bytes: event.data.byteLength,
    ...(made.reason === undefined ? {} : { reason: made.reason }),
    ...broughtBy(made),
  };
}

/** The fact of a draft that did not become an event. */
export function receiptFact(made: NewEvent, outcome: ReceiptFact["outcome"], reason?: string): ReceiptFact {
  const { event, receivedUs } = made;
  return {
    k: "receipt",
    event: event.id,
    outcome,
    source: event.source,
    subject: event.subject,
    type: event.type,
    receivedUs,
    ...(reason === undefined ? {} : { reason }),
    ...broughtBy(made),
  };
}

/** What a sender said: its clock, and the trace that it is a part of. Absent fields cost no bytes. */
function broughtBy({ event, sentUs, skewUs }: NewEvent): Brought & Pick<StoredFact, "sentUs"> {
  const { traceparent, originaltraceparent } = event.extensions;
  return {
    ...(sentUs === undefined ? {} : { sentUs }),
    ...(skewUs === undefined ? {} : { skewUs }),
    ...(traceparent === undefined ? {} : { trace: traceparent }),
    ...(originaltraceparent === undefined ? {} : { replayOf: originaltraceparent }),
  };
}
