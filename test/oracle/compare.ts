import type { Answer, Case, Language } from "./language.ts";
import type { Oracle } from "./oracle.ts";
import { canonical } from "./plain.ts";
import { createRandom } from "./random.ts";

/** A way in which ours differs on purpose or for good: the sentence says why that is right. */
export interface Difference {
  readonly langs: readonly string[];
  readonly why: string;
  is(pair: Pair): boolean;
}

/** One case with both answers. */
export interface Pair {
  readonly asked: Case;
  readonly ours: Answer;
  readonly theirs: Answer;
}

export interface Agreement {
  readonly language: string;
  readonly cases: number;
  readonly agree: number;
  /** Of those that agree, where both give a value. */
  readonly values: number;
  /** How often each difference was met, by its sentence. */
  readonly explained: ReadonlyMap<string, number>;
  /** The shortest first. */
  readonly unexplained: readonly Pair[];
}

const batch = 500;

/** Asks both sides the same `count` cases of one language. */
export async function compare(
  language: Language,
  oracle: Oracle,
  {
    seed,
    count,
    differences,
  }: { readonly seed: number; readonly count: number; readonly differences: readonly Difference[] },
): Promise<Agreement> {
  const random = createRandom(seed);
  const listed = differences.filter(({ langs }) => langs.includes(language.name));
  const explained = new Map<string, number>();
  const unexplained: Pair[] = [];
  let agree = 0;
  let values = 0;
  for (let done = 0; done < count; done += batch) {
    const cases = Array.from({ length: Math.min(batch, count - done) }, () => language.make(random));
    const answers = await oracle.ask(cases);
    for (const [at, asked] of cases.entries()) {
      const theirs = answers[at] ?? { e: "crash" };
      const ours = language.ours(asked);
      if (same(ours, theirs)) {
        agree++;
        if (ours.e === undefined) values++;
        continue;
      }
      const pair: Pair = { asked, ours, theirs };
      const known = listed.find((one) => one.is(pair));
      if (known === undefined) unexplained.push(pair);
      else explained.set(known.why, (explained.get(known.why) ?? 0) + 1);
    }
  }
  unexplained.sort((a, b) => size(a.asked) - size(b.asked));
  return { language: language.name, cases: count, agree, values, explained, unexplained };
}

function size({ text, json = "" }: Case): number {
  return text.length + json.length;
}

/** The same value, or an error at the same stage. What ours refuses as unsupported, and their panic, fit any error. */
function same(ours: Answer, theirs: Answer): boolean {
  if (ours.e === undefined || theirs.e === undefined) {
    return ours.e === theirs.e && canonical(ours.v) === canonical(theirs.v);
  }
  if (ours.e === "unsupported" || theirs.e === "panic") return true;
  return ours.e === theirs.e;
}

/** `gjson: 1990 of 2000 agree (1500 values), 10 explained`. */
export function summary({ language, cases, agree, values, explained, unexplained }: Agreement): string {
  const reasons = [...explained.values()].reduce((sum, one) => sum + one, 0);
  const bad = unexplained.length === 0 ? "" : `, ${unexplained.length} DISAGREE`;
  return `${language}: ${agree} of ${cases} agree (${values} values), ${reasons} explained${bad}`;
}

/** The first disagreements, to read and to try again. */
export function report({ language, unexplained }: Agreement, most = 10): string {
  const lines = unexplained.slice(0, most).map(({ asked, ours, theirs }) => {
    const { text, ...rest } = asked;
    return [`  ${text}`, `    case   ${shown(rest)}`, `    ours   ${shown(ours)}`, `    theirs ${shown(theirs)}`].join(
      "\n",
    );
  });
  return `${language}: ${unexplained.length} unexplained\n${lines.join("\n")}`;
}

function shown(value: unknown): string {
  const text = JSON.stringify(value);
  return text.length > 600 ? `${text.slice(0, 600)}…` : text;
}
