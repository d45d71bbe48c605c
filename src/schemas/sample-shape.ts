/** What was seen at one place of many samples. */
export interface Shape {
  /** How often there was a value at all. */
  count: number;
  nulls: number;
  booleans: number;
  integers: number;
  fractions: number;
  lowest: number;
  highest: number;
  readonly strings: Strings;
  readonly lists: Lists;
  readonly objects: Objects;
}

interface Strings {
  count: number;
  shortest: number;
  longest: number;
  /** With how often each was there; emptied for good when they are too many to be a list of words. */
  words: Map<string, number> | undefined;
  /** Formats that all of them have. */
  formats: readonly string[];
}

interface Lists {
  count: number;
  shortest: number;
  longest: number;
  items: Shape | undefined;
}

interface Objects {
  count: number;
  members: Map<string, Shape>;
  /** Members beyond those, together. */
  others: Shape | undefined;
}

/** Which of the formats a text has. */
export type FormatsOf = (text: string, among: readonly string[]) => readonly string[];

/** Formats that are looked for; of several that fit, the first is meant. */
export const knownFormats: readonly string[] = ["date-time", "date", "time", "uuid", "email", "ipv4", "uri"];

const mostWords = 20;
const longestWord = 60;
/** More names in one place are no fields of a record. */
const mostMembers = 200;
/** What is deeper is not looked at: nothing is said about it then. */
const deepest = 40;

export function emptyShape(): Shape {
  return {
    ...{ count: 0, nulls: 0, booleans: 0, integers: 0, fractions: 0 },
    ...{ lowest: Number.POSITIVE_INFINITY, highest: Number.NEGATIVE_INFINITY },
    strings: { count: 0, shortest: Number.POSITIVE_INFINITY, longest: 0, words: new Map(), formats: knownFormats },
    lists: { count: 0, shortest: Number.POSITIVE_INFINITY, longest: 0, items: undefined },
    objects: { count: 0, members: new Map(), others: undefined },
  };
}

/** Adds a sample. Names are keys of Maps: none of them is special. */
export function look(shape: Shape, value: unknown, formatsOf: FormatsOf, depth = 0): void {
  shape.count += 1;
  if (value === null) shape.nulls += 1;
  else if (typeof value === "boolean") shape.booleans += 1;
  else if (typeof value === "number") lookAtNumber(shape, value);
  else if (typeof value === "string") lookAtText(shape.strings, value, formatsOf);
  else if (Array.isArray(value)) lookAtList(shape.lists, value, formatsOf, depth);
  else if (typeof value === "object") lookAtObject(shape.objects, value, formatsOf, depth);
}

function lookAtNumber(shape: Shape, value: number): void {
  if (Number.isInteger(value)) shape.integers += 1;
  else shape.fractions += 1;
  shape.lowest = Math.min(shape.lowest, value);
  shape.highest = Math.max(shape.highest, value);
}

function lookAtText(strings: Strings, value: string, formatsOf: FormatsOf): void {
  strings.count += 1;
  const length = lengthOf(value);
  strings.shortest = Math.min(strings.shortest, length);
  strings.longest = Math.max(strings.longest, length);
  if (strings.formats.length > 0) strings.formats = formatsOf(value, strings.formats);
  const { words } = strings;
  if (words === undefined) return;
  if (value.length > longestWord || (words.size >= mostWords && !words.has(value))) strings.words = undefined;
  else words.set(value, (words.get(value) ?? 0) + 1);
}

/** As JSON Schema counts: code points. */
function lengthOf(text: string): number {
  let length = 0;
  for (const _ of text) length += 1;
  return length;
}

function lookAtList(lists: Lists, value: readonly unknown[], formatsOf: FormatsOf, depth: number): void {
  lists.count += 1;
  lists.shortest = Math.min(lists.shortest, value.length);
  lists.longest = Math.max(lists.longest, value.length);
  if (depth >= deepest) return;
  for (const item of value) {
    lists.items ??= emptyShape();
    look(lists.items, item, formatsOf, depth + 1);
  }
}

function lookAtObject(objects: Objects, value: object, formatsOf: FormatsOf, depth: number): void {
  objects.count += 1;
  if (depth >= deepest) return;
  for (const [name, member] of Object.entries(value) as [string, unknown][]) {
    let shape = objects.members.get(name);
    if (shape === undefined && objects.members.size < mostMembers) {
      shape = emptyShape();
      objects.members.set(name, shape);
    }
    if (shape === undefined && objects.others === undefined) objects.others = emptyShape();
    const at = shape ?? objects.others;
    if (at !== undefined) look(at, member, formatsOf, depth + 1);
  }
}

/** Ids, numbers, dates: what stands there is chosen by the data. */
const idLike = /^(?:\d+|\d{4}-\d\d-\d\d.*|[\da-f]{8,}|[\da-f]{8}-[\da-f-]{20,}|[A-Za-z]{1,8}[-_:]\d+)$/i;

/** Whether the names in objects are keys of a map and not fields of a record. */
export function isMap({ count, members }: Objects): boolean {
  if (members.size >= mostMembers) return true;
  const names = [...members.keys()];
  if (names.length >= 2 && names.every((name) => idLike.test(name))) return true;
  const rare = [...members.values()].every((shape) => shape.count * 5 < count);
  return names.length > 30 && rare;
}

/** All members of objects as one: the values of a map. */
export function valuesOf({ members, others }: Objects): Shape {
  const whole = emptyShape();
  for (const shape of members.values()) add(whole, shape);
  if (others !== undefined) add(whole, others);
  return whole;
}

function add(to: Shape, from: Shape): void {
  to.count += from.count;
  to.nulls += from.nulls;
  to.booleans += from.booleans;
  to.integers += from.integers;
  to.fractions += from.fractions;
  to.lowest = Math.min(to.lowest, from.lowest);
  to.highest = Math.max(to.highest, from.highest);
  addTexts(to.strings, from.strings);
  addSizes(to.lists, from.lists);
  to.lists.items = joined(to.lists.items, from.lists.items);
  to.objects.count += from.objects.count;
  for (const [name, shape] of from.objects.members) {
    let own = to.objects.members.get(name);
    if (own === undefined && to.objects.members.size < mostMembers) {
      own = emptyShape();
      to.objects.members.set(name, own);
    }
    if (own === undefined) to.objects.others = joined(to.objects.others, shape);
    else add(own, shape);
  }
  to.objects.others = joined(to.objects.others, from.objects.others);
}

/** Never the second one itself: what is added to it later is not its own. */
function joined(to: Shape | undefined, from: Shape | undefined): Shape | undefined {
  if (from === undefined) return to;
  const whole = to ?? emptyShape();
  add(whole, from);
  return whole;
}

function addSizes(
  to: { count: number; shortest: number; longest: number },
  from: { readonly count: number; readonly shortest: number; readonly longest: number },
): void {
  to.count += from.count;
  to.shortest = Math.min(to.shortest, from.shortest);
  to.longest = Math.max(to.longest, from.longest);
}

function addTexts(to: Strings, from: Strings): void {
  addSizes(to, from);
  to.formats = to.formats.filter((format) => from.formats.includes(format));
  for (const [word, times] of from.words ?? []) to.words?.set(word, (to.words.get(word) ?? 0) + times);
  if (from.words === undefined || (to.words?.size ?? 0) > mostWords) to.words = undefined;
}
