import { DatabaseSync } from "node:sqlite";
import type { Audit } from "../../src/record/record.ts";
import { sumsUp } from "../whole/drained.ts";
import type { CountingTarget } from "./counting-target.ts";
import type { Sums } from "./scenario.ts";
import type { Sent } from "./senders.ts";

/** What must have become of the events of one sender at one path of the target. */
export interface Claim {
  readonly path: string;
  readonly sent: Sent;
  /** Whether the filters of the sensor let it pass; all of them unless given. */
  readonly passes?: (n: number) => boolean;
  /** Numbers whose firing is a dead letter. */
  readonly dead?: ReadonlySet<number>;
}

export interface Story {
  readonly claims: readonly Claim[];
  readonly target: CountingTarget;
  readonly audit: Audit;
  /** The record of a tidemill that has ended, where there is one: ids are compared. */
  readonly recordFile?: string;
  readonly figures?: Sums["figures"];
}

/**
 * What must have happened, compared with what did: every acknowledged event is in the record, reached the target under
 * exactly one key (or is a dead letter), unless a filter says no, in which case it never did; a firing that is done has been
 * called, and every call was of a firing; the sums of `audit` fit.
 * Throws with all that is wrong.
 */
export function judge(story: Story): Sums {
  const { claims, target, audit, recordFile } = story;
  const senders = [...new Set(claims.map(({ sent }) => sent))];
  const total = (of: (sent: Sent) => number): number => senders.reduce((sum, sent) => sum + of(sent), 0);
  const lost = claims.flatMap(lostOf(target));
  const doubled = claims.flatMap(doubledOf(target));
  const eventsIn = total((sent) => sent.acknowledged.size);
  const faults = [
    ...listed("lost", lost),
    ...listed("under two keys", doubled),
    ...listed("fired against its filter", claims.flatMap(strayOf(target))),
    ...listed("at the target", target.faults()),
    ...listed(
      "answers",
      senders.flatMap(({ unexpected }) => unexpected),
    ),
    ...listed("audit", sumsUp(audit)),
    ...(recordFile === undefined ? [] : listed("record", recordFaults(recordFile, { senders, target, audit }))),
  ];
  const { stored } = audit.receipts;
  const most = eventsIn + total((sent) => sent.unanswered());
  if (stored < eventsIn || stored > most) faults.push(`stored: ${stored}, not between ${eventsIn} and ${most}`);
  if (faults.length > 0) throw new Error(`what must hold does not:\n${faults.join("\n")}`);
  return {
    eventsIn,
    pushedBack: total((sent) => sent.pushedBack()),
    decided: stored - audit.decisions.undecided,
    fired: target.firings(),
    dead: audit.firings.dead,
    lost: lost.length,
    repeated: target.repeats(),
    repeatedUnderAnotherKey: doubled.length,
    ...(story.figures === undefined ? {} : { figures: story.figures }),
  };
}

const every = (): boolean => true;

function lostOf(target: CountingTarget): (claim: Claim) => readonly string[] {
  return ({ path, sent, passes = every, dead }) => {
    const { byNumber } = target.at(path);
    return [...sent.acknowledged.keys()]
      .filter((n) => passes(n) && !byNumber.has(n) && dead?.has(n) !== true)
      .map((n) => `${path} ${n}`);
  };
}

/** A number that was sent again without an answer may be two events, with a key each. */
function doubledOf(target: CountingTarget): (claim: Claim) => readonly string[] {
  return ({ path, sent }) =>
    [...target.at(path).byNumber]
      .filter(([n, keys]) => keys.size > 1 && !sent.uncertain.has(n))
      .map(([n, keys]) => `${path} ${n} under ${[...keys.keys()].join(", ")}`);
}

function strayOf(target: CountingTarget): (claim: Claim) => readonly string[] {
  return ({ path, passes = every }) =>
    [...target.at(path).byNumber.keys()].filter((n) => !passes(n)).map((n) => `${path} ${n}`);
}

/** One line, with the first few. */
function listed(what: string, faults: readonly string[]): readonly string[] {
  if (faults.length === 0) return [];
  return [`${what} (${faults.length}): ${faults.slice(0, 8).join("; ")}`];
}

function recordFaults(
  file: string,
  { senders, target, audit }: Pick<Story, "target" | "audit"> & { readonly senders: readonly Sent[] },
): readonly string[] {
  const record = new DatabaseSync(file, { readOnly: true });
  try {
    const count = (sql: string): number => Number(Object.values(record.prepare(sql).get() ?? {})[0]);
    const faults: string[] = [];
    const same = (what: string, found: number, expected: number): void => {
      if (found !== expected) faults.push(`${what}: ${found}, not ${expected}`);
    };
    same("stored events", count("SELECT count(*) FROM event WHERE receipt = 'stored'"), audit.receipts.stored);
    same("event ids", count("SELECT count(DISTINCT id) FROM event"), count("SELECT count(*) FROM event"));
    same("firing ids", count("SELECT count(DISTINCT id) FROM firing"), count("SELECT count(*) FROM firing"));
    const keys = target.keys();
    const firings = record.prepare("SELECT id, state FROM firing").all();
    const uncalled = firings.filter(({ id, state }) => state === "done" && !keys.has(String(id)));
    const ids = new Set(firings.map(({ id }) => String(id)));
    const unmade = [...keys].filter((key) => !ids.has(key));
    const known = record.prepare("SELECT count(*) AS n FROM event WHERE id = ? AND receipt = 'stored'");
    const unknown = senders.flatMap(({ acknowledged }) =>
      [...acknowledged]
        .filter(([, id]) => id !== undefined && known.get(id)?.n !== 1)
        .map(([n, id]) => `number ${n}, event ${id}`),
    );
    return [
      ...faults,
      ...listed("acknowledged and unknown", unknown),
      ...listed(
        "done and never called",
        uncalled.map(({ id }) => String(id)),
      ),
      ...listed("called and no firing", unmade),
    ];
  } finally {
    record.close();
  }
}
