/** What a case found: one line of the output, and one row of the page. */
export interface Figure {
  readonly what: string;
  /** As it is shown, with its unit. */
  readonly value: string;
  /** As it is shown; absent where there is none. */
  readonly goal?: string;
  /** Whether the goal is met; absent where there is none. */
  readonly good?: boolean;
}

export function verdictOf({ good }: Figure): string {
  if (good === undefined) return "";
  return good ? "ok" : "FALLS SHORT";
}

export function lineOf(figure: Figure): string {
  const { what, value, goal } = figure;
  const judged = goal === undefined ? "" : ` (goal ${goal}: ${verdictOf(figure)})`;
  return `${what}: ${value}${judged}`;
}

/** One thing that is measured. */
export interface Case {
  readonly name: string;
  readonly title: string;
  /** Whether `npm run bench` runs it unasked. */
  readonly usual: boolean;
  /** How much of it a run has, as it stands beside the figures: "5 rounds of 30000 events". */
  size(options: Options): string;
  run(rig: Rig): Promise<void>;
}

export interface Options {
  readonly rounds: number;
  /** Events of a round. */
  readonly count: number;
  /** Of the soak. */
  readonly minutes: number;
  /** Events of the backlogs; each case has its own full size. */
  readonly backlog: number | undefined;
  /** The program that is measured, run by its first line: the build of this checkout unless told otherwise. */
  readonly main: string;
}

/** The size of a case that runs in rounds. */
export function inRounds({ rounds, count }: Pick<Options, "rounds" | "count">): string {
  return `${rounds} rounds of ${count} events`;
}

/** What a case is given. */
export interface Rig {
  readonly options: Options;
  /** A new folder for the data of one process; gone at the end. */
  folder(name: string): string;
  /** A line that is no figure: a round. */
  say(line: string): void;
  /** A sentence, without its full stop, that belongs to the figures: a peer that was not there. */
  remark(sentence: string): void;
  found(figure: Figure): void;
}
