import type { FiringEvent, NewFiring } from "../bus/bus.ts";
import { setRaw } from "../expressions/sjson.ts";
import { nowUs } from "../lib/clock.ts";
import { digest } from "../lib/digest.ts";
import { messageOf, TideError } from "../lib/errors.ts";
import type { Event } from "../lib/event.ts";
import type { FiringFact } from "../lib/facts.ts";
import { newestOf, pairsOf } from "../sensors/firing-of.ts";
import { newKey, nobodyTries, occurrences, revisionFor } from "./dead-letter-change.ts";
import { type Found, findLetter } from "./dead-letter-scan.ts";
import type { Runtime } from "./runtime.ts";

/** The extension of an event that a person changed: the id of the one it was made of. */
const editedExtension = "editedfrom";

/** How the data of one event of a dead letter is to be. */
export interface DeadLetterEdit {
  /** Which event; the newest one unless given. */
  readonly dependency?: string | undefined;
  /** The whole data, JSON text. */
  readonly data?: string | undefined;
  /** Or values at paths, in sjson's form: `["body.amount", "12"]`, JSON where it is JSON, else a string. */
  readonly set?: readonly (readonly [path: string, value: string])[] | undefined;
  /** Try it under today's manifest. */
  readonly current: boolean;
  /** Drop the original at the same time; else it stays as it is. */
  readonly drop: boolean;
}

/** What an edit comes to, before or after it is done. */
export interface DeadLetterEdited {
  readonly id: string;
  readonly dependency: string;
  /** The event that is changed, and the id of the changed one. */
  readonly event: string;
  readonly newEvent: string;
  readonly before: string;
  readonly after: string;
  /** The idempotency key of the new firing; absent in a plan. */
  readonly newId?: string | undefined;
}

/**
 * Changes the data of an event of a dead letter and tries that as a new firing, under a new key. The letter stays as it is,
 * and names the new firing as its successor. With `plan` nothing is changed. Rejects with FIRING_UNKNOWN and USAGE.
 */
export async function editDeadLetter(
  runtime: Pick<Runtime, "buses" | "clock">,
  id: string,
  { plan, ...edit }: DeadLetterEdit & { readonly plan: boolean },
): Promise<DeadLetterEdited> {
  const found = await findLetter(runtime, id);
  if (found === undefined) throw new TideError("FIRING_UNKNOWN", `there is no dead letter ${id}`);
  const revision = revisionFor(found, edit.current);
  if (revision === undefined) throw new TideError("USAGE", nobodyTries(found.letter));
  const { place, event } = eventOf(found, edit.dependency);
  const before = textOf(event);
  const after = edited(before, edit);
  const newEvent = digest(JSON.stringify([id, place.dependency, after]));
  const outcome = { id, dependency: place.dependency, event: place.id, newEvent, before, after };
  if (plan) return outcome;
  const changed: Event = {
    ...event,
    id: newEvent,
    data: Buffer.from(after),
    extensions: { ...event.extensions, [editedExtension]: place.id },
  };
  const newId = newKey();
  const atUs = nowUs(runtime.clock);
  const firing = successorOf(found, { place, changed, newId, revision, atUs });
  const facts = factsOf(found, { firing, place, drop: edit.drop });
  const done = await found.dead.succeed(id, { firing, drop: edit.drop, facts });
  if (!done) throw new TideError("FIRING_UNKNOWN", `the dead letter ${id} has gone meanwhile`);
  return { ...outcome, newId };
}

/** The data of one event of a dead letter as it is, byte for byte, for an editor. Rejects with FIRING_UNKNOWN and USAGE. */
export async function dataOfDeadLetter(
  runtime: Pick<Runtime, "buses">,
  id: string,
  dependency: string | undefined,
): Promise<{ readonly dependency: string; readonly event: string; readonly data: string }> {
  const found = await findLetter(runtime, id);
  if (found === undefined) throw new TideError("FIRING_UNKNOWN", `there is no dead letter ${id}`);
  const { place, event } = eventOf(found, dependency);
  return { dependency: place.dependency, event: place.id, data: textOf(event) };
}

function eventOf({ letter }: Found, dependency: string | undefined): { place: FiringEvent; event: Event } {
  const { events } = letter.firing;
  const place = dependency === undefined ? newestOf(events) : events.find((one) => one.dependency === dependency);
  const whole = letter.events.find((one) => one.dependency === place?.dependency)?.event;
  if (place !== undefined && whole !== undefined) return { place, event: whole };
  const names = events.map((one) => one.dependency).join(", ");
  throw new TideError("USAGE", `the dead letter has no event ${dependency ?? ""} to edit; it has: ${names}`);
}

function textOf({ data }: Event): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(data);
  } catch (cause) {
    throw new TideError("USAGE", "the event's data is no text, and cannot be edited", { cause });
  }
}

/** Bytes around a set value stay as they are. Throws USAGE. */
function edited(before: string, { data, set }: DeadLetterEdit): string {
  if ((data === undefined) === (set === undefined)) throw new TideError("USAGE", "give the new data, or values to set");
  let after = data ?? before;
  try {
    for (const [path, value] of set ?? []) after = setRaw(after, path, isJson(value) ? value : JSON.stringify(value));
  } catch (cause) {
    throw new TideError("USAGE", `that cannot be set: ${messageOf(cause)}`, { cause });
  }
  if (!isJson(after)) throw new TideError("USAGE", "the new data is not JSON");
  if (after === before) throw new TideError("USAGE", "that changes nothing: retry it instead");
  return after;
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

interface Successor {
  readonly place: FiringEvent;
  readonly changed: Event;
  readonly newId: string;
  readonly revision: string;
  readonly atUs: number;
}

/** Its events keep their places: the record and the trace know the edited one by the event it was made of. */
function successorOf({ queue, letter }: Found, { place, changed, newId, revision, atUs }: Successor): NewFiring {
  const { sensor, trigger, events } = letter.firing;
  return {
    ...{ queue, id: newId, dueUs: atUs, madeUs: atUs, revision, sensor, trigger },
    events: events.map((one) => (one === place ? { ...one, event: changed } : one)),
    parent: letter.firing.id,
    // its schema is asked again
    ...(letter.firing.invalid === undefined ? {} : { invalid: letter.firing.invalid }),
  };
}

function factsOf(
  { letter }: Found,
  of: { readonly firing: NewFiring; readonly place: FiringEvent; readonly drop: boolean },
): readonly FiringFact[] {
  const { firing, place, drop } = of;
  const { sensor, trigger, revision, dueUs, id } = firing;
  const reason = `edited by hand: ${place.dependency} ${place.id}`;
  const created = { sensor, trigger, revision, events: pairsOf(occurrences(firing)), parent: letter.firing.id };
  const made: FiringFact = { k: "firing", firing: id, state: "pending", atUs: dueUs, dueUs, reason, created };
  if (!drop) return [made];
  const gone = `${reason}; goes on as ${id}`;
  return [{ k: "firing", firing: letter.firing.id, state: "dropped", atUs: dueUs, reason: gone }, made];
}
