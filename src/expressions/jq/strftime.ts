import { type Civil, civilOf, secondsOf } from "../go-time.ts";

/** A moment in UTC. Go's local time is UTC too: the peer's images set no zone. */
export interface Moment {
  readonly seconds: number;
  readonly nanos: number;
}

export const MONTHS = "January February March April May June July August September October November December".split(
  " ",
);
export const WEEKDAYS = "Sunday Monday Tuesday Wednesday Thursday Friday Saturday".split(" ");

/** Directives that stand for others. */
export const COMPOUND: ReadonlyMap<string, string> = new Map([
  ["c", "a b e H:M:S Y"],
  ["+", "a b e H:M:S Z Y"],
  ["v", "e-b-Y"],
  ["r", "I:M:S p"],
  ["F", "Y-m-d"],
  ["D", "m/d/y"],
  ["x", "m/d/y"],
  ["T", "H:M:S"],
  ["X", "H:M:S"],
  ["R", "H:M"],
]);

/** How a field is filled up: as the directive has it, with a sign that was asked for, or not at all. */
interface Style {
  readonly width: number;
  /** Undefined: the directive's own. */
  readonly fill: "0" | " " | undefined;
  readonly isBare: boolean;
  readonly upper: boolean;
  readonly swap: boolean;
}

const MAX_WIDTH = 1024;
const DIRECTIVE = /%(?:[-_^#0]|[1-9]\d*)*(?:(:+)z?|([\s\S]?))/gu;

/** C's strftime with GNU's flags, as the peer has it (timefmt-go), in UTC. */
export function strftime(moment: Moment, format: string): string {
  const civil = civilOf(moment.seconds);
  return format.replace(DIRECTIVE, (whole, colons: string | undefined, letter = "") => {
    const style = styleOf(whole.slice(1, whole.length - (colons?.length ?? 0) - letter.length));
    if (colons !== undefined) {
      return (whole.endsWith("z") ? zone("z", colons, style) : undefined) ?? filled(whole, style);
    }
    if (letter === "") return filled(whole, style);
    const compound = COMPOUND.get(letter);
    if (compound !== undefined) return expanded(compound, { moment, civil, style });
    const shown = directive(letter, { moment, civil, style }) ?? zone(letter, "", style);
    if (shown !== undefined) return shown;
    return filled(whole.slice(0, whole.length - letter.length), { ...style, width: style.width - 1 }) + letter;
  });
}

interface At {
  readonly moment: Moment;
  readonly civil: Civil;
  readonly style: Style;
}

function expanded(compound: string, at: At): string {
  const style: Style = { width: 0, fill: undefined, isBare: false, upper: at.style.upper, swap: false };
  return compound.replace(
    /[a-zA-Z]/g,
    (letter) => directive(letter, { ...at, style }) ?? zone(letter, "", style) ?? letter,
  );
}

function styleOf(flags: string): Style {
  let style: Style = { width: 0, fill: undefined, isBare: false, upper: false, swap: false };
  for (const flag of flags.match(/[-_^#0]|[1-9]\d*/g) ?? []) {
    if (flag === "-") style = { ...style, isBare: true, fill: undefined };
    else if (flag === "_") style = { ...style, isBare: false, fill: " " };
    else if (flag === "0") style = { ...style, isBare: false, fill: "0" };
    else if (flag === "^") style = { ...style, upper: true };
    else if (flag === "#") style = { ...style, swap: true };
    else
      style = {
        ...style,
        width: Math.min(Number(flag), MAX_WIDTH),
        ...(style.isBare ? { isBare: false, fill: " " } : {}),
      };
  }
  return style;
}

/** A number in at least `width` digits, filled up with `own` unless the style says otherwise. */
function digits(n: number, width: number, style: Style, own: "0" | " " = "0"): string {
  if (style.isBare) return String(n);
  const fill = style.fill ?? own;
  const size = String(Math.abs(n));
  if (n >= 0) return size.padStart(width, fill);
  return fill === "0" ? `-${size.padStart(width - 1, "0")}` : `-${size}`.padStart(width, " ");
}

function filled(text: string, style: Style): string {
  const padded = style.isBare ? text : text.padStart(style.width, style.fill ?? " ");
  return padded;
}

function word(text: string, style: Style): string {
  const isCapital = text.charAt(1) < "a";
  const shown = style.swap && isCapital ? text.toLowerCase() : style.swap || style.upper ? text.toUpperCase() : text;
  return filled(shown, style);
}

function directive(letter: string, { moment, civil, style }: At): string | undefined {
  const two = Math.max(style.width, 2);
  switch (letter) {
    case "Y":
      return digits(civil.year, style.width || 4, style);
    case "y":
      return digits(Math.abs(civil.year % 100), two, style);
    case "C":
      return century(civil.year, two, style);
    case "g":
      return digits(Math.abs(isoWeek(civil).year % 100), two, style);
    case "G":
      return digits(isoWeek(civil).year, style.width || 4, style);
    case "m":
      return digits(civil.month, two, style);
    case "B":
      return word(MONTHS[civil.month - 1] ?? "", style);
    case "b":
    case "h":
      return word((MONTHS[civil.month - 1] ?? "").slice(0, 3), style);
    case "A":
      return word(WEEKDAYS[civil.weekday] ?? "", style);
    case "a":
      return word((WEEKDAYS[civil.weekday] ?? "").slice(0, 3), style);
    case "w":
      return digits(civil.weekday, style.width, style);
    case "u":
      return digits(civil.weekday || 7, style.width, style);
    case "V":
      return digits(isoWeek(civil).week, two, style);
    case "U":
      return digits(Math.floor((civil.yearDay + 6 - civil.weekday) / 7), two, style);
    case "W":
      return digits(Math.floor((civil.yearDay + 6 - ((civil.weekday + 6) % 7)) / 7), two, style);
    case "e":
      return digits(civil.day, two, style, " ");
    case "d":
      return digits(civil.day, two, style);
    case "j":
      return digits(civil.yearDay, Math.max(style.width, 3), style);
    default:
      return clock(letter, { moment, civil, style });
  }
}

function century(year: number, width: number, style: Style): string {
  const n = Math.trunc(year / 100);
  if (year >= 0 || n !== 0) return digits(n, width, style);
  return digits(-1, width, style).replace("1", "0");
}

function clock(letter: string, { moment, civil, style }: At): string | undefined {
  const two = Math.max(style.width, 2);
  switch (letter) {
    case "k":
      return digits(civil.hour, two, style, " ");
    case "H":
      return digits(civil.hour, two, style);
    case "l":
      return digits(civil.hour % 12 || 12, two, style, " ");
    case "I":
      return digits(civil.hour % 12 || 12, two, style);
    case "p":
      return word(civil.hour < 12 ? "AM" : "PM", style);
    case "P":
      return word(civil.hour < 12 ? "AM" : "PM", { ...style, swap: !(style.upper || style.swap) });
    case "M":
      return digits(civil.minute, two, style);
    case "S":
      return digits(civil.second, two, style);
    case "s":
      return digits(moment.seconds, style.width, style, " ");
    case "f":
      return digits(Math.trunc(moment.nanos / 1000), style.width || 6, style);
    case "t":
      return filled("\t", style);
    case "n":
      return filled("\n", style);
    case "%":
      return filled("%", style);
    default:
      return undefined;
  }
}

/** UTC alone: `Z` is its name, `z` its offset with as many colons as asked for. */
function zone(letter: string, colons: string, style: Style): string | undefined {
  if (letter === "Z") return word("UTC", style);
  if (letter !== "z" || colons.length > 3) return undefined;
  const minutes = colons.length === 3 ? "" : colons === "" ? "00" : colons === ":" ? ":00" : ":00:00";
  if (style.isBare) return `+0${minutes}`;
  if (style.fill === " ") return `${" ".repeat(Math.max(style.width - 2 - minutes.length, 1))}+0${minutes}`;
  return `+${"0".repeat(Math.max(style.width - 1 - minutes.length, 2))}${minutes}`;
}

/** The week of the ISO calendar and the year that it belongs to. */
function isoWeek(civil: Civil): { year: number; week: number } {
  // The Thursday of this week decides.
  const fromMonday = (civil.weekday + 6) % 7;
  const seconds = secondsOf({ year: civil.year, month: civil.month, day: civil.day - fromMonday + 3 });
  const thursday = civilOf(seconds);
  return { year: thursday.year, week: Math.floor((thursday.yearDay - 1) / 7) + 1 };
}
