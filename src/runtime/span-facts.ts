import type { ChildSpan } from "../kit/trigger.ts";
import type { FiringOrigin, SpanFact } from "../lib/facts.ts";
import { attemptName, spanIdOf } from "../lib/trace.ts";

const maxNameLength = 200;
const maxErrorLength = 1_000;
const maxValueLength = 1_000;
const mostAttributes = 64;

const idForm = /^(?!0{16})[\da-f]{16}$/;

/** The part of that number of an attempt. */
export interface Told {
  readonly firing: string;
  readonly n: number;
  readonly round: number;
  readonly told: number;
}

/** What a trigger, and so perhaps a function of a user, says, within bounds. */
export function factOf(
  { firing, n, round, told }: Told,
  of: FiringOrigin,
  { span, nowUs }: { readonly span: ChildSpan; readonly nowUs: number },
): SpanFact {
  const startUs = momentOf(span.startUs, nowUs);
  const endUs = Math.max(startUs, momentOf(span.endUs, nowUs));
  const id = idForm.test(span.spanId ?? "") ? span.spanId : undefined;
  const parent = idForm.test(span.parentId ?? "") ? span.parentId : undefined;
  const attributes = attributesOf(span.attributes);
  return {
    k: "span",
    firing,
    n,
    ...(round === 0 ? {} : { round }),
    of,
    // by its number, so that an attempt that is repeated after a crash has the same
    id: id ?? spanIdOf("span", `${attemptName(firing, n, round)}/${told}`),
    ...(parent === undefined ? {} : { parent }),
    name: String(span.name).slice(0, maxNameLength),
    startUs,
    endUs,
    ...(span.error === undefined ? {} : { error: String(span.error).slice(0, maxErrorLength) }),
    ...(attributes === undefined ? {} : { attributes }),
  };
}

interface Ticket {
  readonly namespace: string;
  readonly bus: string;
  readonly firing: string;
  readonly n: number;
  readonly round?: number;
  readonly of: FiringOrigin;
}

export function ticketOf(ticket: Ticket): string {
  return JSON.stringify(ticket);
}

/** Names, errors and texts of a span, which are its author's, as they may be kept and exported. */
export function withoutSecrets(span: ChildSpan, clean: (text: string) => string): ChildSpan {
  const { name, error, attributes } = span;
  const value = (given: unknown): unknown => (typeof given === "string" ? clean(given) : given);
  return {
    ...span,
    name: typeof name === "string" ? clean(name) : name,
    ...(typeof error === "string" ? { error: clean(error) } : {}),
    ...(attributes === undefined || attributes === null
      ? {}
      : { attributes: Object.fromEntries(Object.entries(attributes).map(([key, one]) => [key, value(one)])) }),
  } as ChildSpan;
}

/** The bus that a part is told to, and its fact, by the ticket that the attempt gave (`CallTrace.ticket`). */
export function partLater(
  ticket: string,
  span: ChildSpan,
  atUs: number,
): { readonly namespace: string; readonly bus: string; readonly fact: SpanFact } {
  const { namespace, bus, firing, n, round = 0, of } = JSON.parse(ticket) as Ticket;
  const fact = factOf({ firing, n, round, told: 0 }, of, { span, nowUs: atUs });
  // said of the first round too: the firing may be in a later one by now
  return { namespace, bus, fact: { ...fact, round } };
}

function momentOf(us: number, otherwise: number): number {
  const whole = Math.round(us);
  return Number.isSafeInteger(whole) && whole >= 0 ? whole : otherwise;
}

function attributesOf(given: ChildSpan["attributes"]): SpanFact["attributes"] {
  if (given === undefined) return undefined;
  const kept = Object.entries(given)
    .slice(0, mostAttributes)
    .flatMap(([name, value]): [string, string | number | boolean][] => {
      const key = name.slice(0, maxNameLength);
      if (typeof value === "string") return [[key, value.slice(0, maxValueLength)]];
      return typeof value === "boolean" || Number.isFinite(value) ? [[key, value]] : [];
    });
  return kept.length === 0 ? undefined : Object.fromEntries(kept);
}
