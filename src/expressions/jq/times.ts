import { civilOf, secondsOf } from "../go-time.ts";
import { failed } from "../pratt.ts";
import type { Native } from "./evaluate.ts";
import { fault, notFor, wrapped } from "./faults.ts";
import { type Moment, strftime } from "./strftime.ts";
import { strptime } from "./strptime.ts";
import { isArray, toFloat, toInt, type Value } from "./value.ts";

type Table = readonly (readonly [name: string, native: Native])[];

/** Beyond these years Go's calendar wraps around, which nobody can want. */
const MAX_SECONDS = 2 ** 53;

/** The broken down time of jq: year, month from 0, day, hour, minute, seconds with fraction, weekday, day of the year. */
function brokenDown(epoch: number): Value[] {
  const cut = Math.trunc(epoch);
  const nanos = Math.trunc((epoch - Math.floor(epoch)) * 1e9);
  if (!(Math.abs(cut) <= MAX_SECONDS)) throw fault(() => `the time ${epoch} is out of range`);
  const civil = civilOf(cut);
  return [
    BigInt(civil.year),
    BigInt(civil.month - 1),
    BigInt(civil.day),
    BigInt(civil.hour),
    BigInt(civil.minute),
    civil.second + nanos / 1e9,
    BigInt(civil.weekday),
    BigInt(civil.yearDay - 1),
  ];
}

/** The moment of a broken down time; undefined when a part is no number. Missing parts are 0, too large ones carry over. */
function momentOf(parts: readonly Value[]): Moment | undefined {
  const fields = [0, 0, 0, 0, 0, 0, 0, 0];
  let nanos = 0;
  for (let i = 0; i < Math.min(parts.length, 8); i++) {
    const part = parts[i] ?? null;
    const n = i === 5 ? toFloat(part) : toInt(part);
    if (n === undefined) return undefined;
    if (typeof n === "number") nanos = Math.trunc((n - Math.floor(n)) * 1e9);
    fields[i] = Math.trunc(Number(n));
  }
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = fields;
  const seconds = secondsOf({ year, month: month + 1, day, hour, minute, second });
  if (!(Math.abs(seconds) <= MAX_SECONDS)) throw fault(() => "the time is out of range");
  return { seconds, nanos };
}

const NO_TIME = "expected an array of 8 numbers";

function gmtime(name: string): Native {
  return (input) => {
    const epoch = toFloat(input);
    if (epoch === undefined) throw notFor(name, input);
    return brokenDown(epoch);
  };
}

const mktime: Native = (input) => {
  if (!isArray(input)) throw notFor("mktime", input);
  const moment = momentOf(input);
  if (moment === undefined) throw wrapped("mktime", input, { reason: NO_TIME });
  return moment.seconds + moment.nanos / 1e9;
};

function formatted(name: string): Native {
  return (input, [format = null], m) => {
    const epoch = toFloat(input);
    const parts = epoch === undefined ? input : brokenDown(epoch);
    if (!isArray(parts) || typeof format !== "string") throw notFor(name, parts, format);
    const moment = momentOf(parts);
    if (moment === undefined) throw wrapped(name, parts, { args: [format], reason: NO_TIME });
    const text = strftime(moment, format);
    m.meter.text(text.length + format.length * 16);
    return text;
  };
}

/** The first moment of Go's calendar, which it takes for no time at all. */
const ZERO_SECONDS = -62_135_596_800;

const parsed: Native = (input, [format = null], m) => {
  if (typeof input !== "string" || typeof format !== "string") throw notFor("strptime", input, format);
  m.meter.scan((input.length + format.length) * 16);
  const moment = strptime(input, format);
  if (typeof moment === "string") throw wrapped("strptime", input, { args: [format], reason: moment });
  if (moment.seconds === ZERO_SECONDS && moment.nanos === 0) throw notFor("strptime", input, format);
  return brokenDown(moment.seconds + moment.nanos / 1e9);
};

export const times: Table = [
  ["gmtime/0", gmtime("gmtime")],
  ["localtime/0", gmtime("localtime")],
  ["mktime/0", mktime],
  ["strftime/1", formatted("strftime")],
  ["strflocaltime/1", formatted("strflocaltime")],
  ["strptime/1", parsed],
  [
    "now/0",
    (_input, _args, m) => {
      const { nowMs } = m.meter;
      if (nowMs === undefined) throw failed("now: there is no clock here");
      return nowMs / 1000;
    },
  ],
];
