import { parseTime, UTC } from "../go-time.ts";

/** The forms in which a string literal is a date, in the order in which they are tried (reference 3.4). */
const layouts = [
  "Mon Jan _2 15:04:05 2006",
  "Mon Jan _2 15:04:05 MST 2006",
  "Mon Jan 02 15:04:05 -0700 2006",
  "3:04PM",
  "2006-01-02T15:04:05Z07:00",
  "2006-01-02",
  "2006-01-02 15:04",
  "2006-01-02 15:04:05",
  "2006-01-02 15:04:05-07:00",
  "2006-01-02T15Z0700",
  "2006-01-02T15:04Z0700",
  "2006-01-02T15:04:05Z0700",
] as const;

/** Unix seconds of a string that is a date in one of govaluate's forms; a date without a zone is UTC. */
export function parseDateLiteral(text: string): number | undefined {
  // All forms begin with a digit or the name of a day; most strings are told apart here.
  if (text.length > 64 || !/^(?:\d|Mon|Tue|Wed|Thu|Fri|Sat|Sun)/i.test(text)) return undefined;
  for (const layout of layouts) {
    const time = parseTime(layout, text, UTC);
    if (time.ok) return time.instant.seconds;
  }
  return undefined;
}
