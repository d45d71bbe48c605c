import { type Civil, civilOf, type Instant, MONTHS, WEEKDAYS } from "./civil.ts";
import { chunksOf } from "./layout.ts";
import type { Zone } from "./zones.ts";

interface Shown {
  readonly civil: Civil;
  readonly nanos: number;
  readonly offset: number;
  readonly abbreviation: string;
}

/** `time.Time.Format`. */
export function formatTime(instant: Instant, zone: Zone, layout: string): string {
  const { offset, abbreviation } = zone.at(instant.seconds);
  const shown: Shown = { civil: civilOf(instant.seconds, offset), nanos: instant.nanos, offset, abbreviation };
  let out = "";
  for (const { prefix, field } of chunksOf(layout)) {
    out += prefix;
    if (field !== undefined)
      out += field.name.startsWith("frac") ? fraction(field.text, shown.nanos) : show(field.name, shown);
  }
  return out;
}

function two(value: number, fill = "0"): string {
  return String(value).padStart(2, fill);
}

function show(field: string, shown: Shown): string {
  const { civil } = shown;
  switch (field) {
    case "06":
      return two(Math.max(civil.year, 0) % 100);
    case "2006":
      return civil.year < 0 ? `-${String(-civil.year).padStart(4, "0")}` : String(civil.year).padStart(4, "0");
    case "January":
      return MONTHS[civil.month - 1] ?? "";
    case "Jan":
      return (MONTHS[civil.month - 1] ?? "").slice(0, 3);
    case "1":
      return String(civil.month);
    case "01":
      return two(civil.month);
    case "Monday":
      return WEEKDAYS[civil.weekday] ?? "";
    case "Mon":
      return (WEEKDAYS[civil.weekday] ?? "").slice(0, 3);
    case "2":
      return String(civil.day);
    case "_2":
      return two(civil.day, " ");
    case "02":
      return two(civil.day);
    case "__2":
      return String(civil.yearDay).padStart(3, " ");
    case "002":
      return String(civil.yearDay).padStart(3, "0");
    default:
      return showClock(field, shown);
  }
}

function showClock(field: string, shown: Shown): string {
  const { civil } = shown;
  const hour12 = civil.hour % 12 === 0 ? 12 : civil.hour % 12;
  switch (field) {
    case "15":
      return two(civil.hour);
    case "3":
      return String(hour12);
    case "03":
      return two(hour12);
    case "4":
      return String(civil.minute);
    case "04":
      return two(civil.minute);
    case "5":
      return String(civil.second);
    case "05":
      return two(civil.second);
    case "PM":
      return civil.hour >= 12 ? "PM" : "AM";
    case "pm":
      return civil.hour >= 12 ? "pm" : "am";
    case "MST":
      return shown.abbreviation === "" ? numericZone("-0700", shown.offset) : shown.abbreviation;
    default:
      return numericZone(field, shown.offset);
  }
}

/** `-0700`, `Z07:00` and their kin. */
function numericZone(field: string, offset: number): string {
  if (field.startsWith("Z") && offset === 0) return "Z";
  const size = Math.abs(offset);
  const colon = field.includes(":") ? ":" : "";
  // Go rounds the minutes towards zero before it looks at the sign.
  const sign = Math.trunc(offset / 60) < 0 ? "-" : "+";
  let out = sign + two(Math.floor(size / 3600));
  if (field.length > 3) out += colon + two(Math.floor(size / 60) % 60);
  if (/^.07:?00:?00$/.test(field)) out += colon + two(size % 60);
  return out;
}

/** `.000` keeps its zeros, `.999` drops them, and itself when nothing is left. */
function fraction(text: string, nanos: number): string {
  const digits = String(nanos)
    .padStart(9, "0")
    .padEnd(text.length - 1, "0")
    .slice(0, text.length - 1);
  if (text.charAt(1) === "0") return text.charAt(0) + digits;
  const trimmed = digits.replace(/0+$/, "");
  return trimmed === "" ? "" : text.charAt(0) + trimmed;
}
