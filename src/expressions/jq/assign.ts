import { bounds, clamp, range } from "./access.ts";
import { badIndex, badKey, fault, JqError, notAnArray, notAnObject, notFor, wrapped } from "./faults.ts";
import type { Meter } from "./meter.ts";
import {
  copyObject,
  type Draft,
  emptyDraft,
  hasKey,
  isArray,
  isNumber,
  isObject,
  type JqObject,
  member,
  put,
  toPlace,
  type Value,
} from "./value.ts";

/** Stands where something is to be deleted, until all paths of one deletion are walked: places must not move before. */
const GONE: unique symbol = Symbol("gone");
type Mark = Value | typeof GONE;

/** Containers made by one operation: they may be changed in place, which keeps `.[] |= f` linear. */
export type Owned = Set<object>;

interface Change {
  readonly path: readonly Value[];
  readonly value: Mark;
  readonly owned: Owned;
  readonly meter: Meter;
}

/** `setpath(path; value)`. */
export function setPath(target: Value, path: Value, value: Value, tools: { owned: Owned; meter: Meter }): Value {
  if (!isArray(path)) throw notFor("setpath", target, path);
  try {
    return update(target, 0, { path, value, ...tools }) as Value;
  } catch (error) {
    if (!(error instanceof JqError)) throw error;
    throw wrapped("setpath", target, { args: [path, value], reason: error.message });
  }
}

/** `delpaths(paths)`. */
export function deletePaths(target: Value, paths: Value, tools: { owned: Owned; meter: Meter }): Value {
  if (!isArray(paths)) throw notFor("delpaths", target, paths);
  if (paths.length === 0) return target;
  let marked: Mark = target;
  try {
    for (const path of paths) {
      if (!isArray(path)) throw notAnArray(path);
      marked = update(marked, 0, { path, value: GONE, ...tools });
    }
  } catch (error) {
    if (!(error instanceof JqError)) throw error;
    throw wrapped("delpaths", target, { args: [paths], reason: error.message });
  }
  return sweep(marked, tools.owned);
}

function update(target: Mark, depth: number, change: Change): Mark {
  if (depth === change.path.length) return change.value;
  if (target === GONE) return GONE;
  const key = change.path[depth] ?? null;
  if (typeof key === "string") {
    if (target !== null && !isObject(target)) throw notAnObject(target);
    return updateMember(target, key, { depth, change });
  }
  if (isNumber(key) || isObject(key)) {
    if (target !== null && !isArray(target)) throw notAnArray(target);
    return isNumber(key)
      ? updateElement(target, toPlace(key) ?? 0, { depth, change })
      : updateSlice(target, key, { depth, change });
  }
  throw isArray(target) ? badIndex("an array", key) : badKey(key);
}

interface Place {
  readonly depth: number;
  readonly change: Change;
}

function updateMember(target: JqObject | null, key: string, { depth, change }: Place): Mark {
  const { owned, meter, value } = change;
  if (value === GONE && (target === null || !hasKey(target, key))) return target;
  const made = update(target === null ? null : member(target, key), depth + 1, change);
  let draft: Draft;
  if (target !== null && owned.has(target)) draft = target as Draft;
  else {
    draft = target === null ? emptyDraft() : copyObject(target, meter);
    meter.keys(1);
    owned.add(draft);
  }
  // A mark is only ever seen by `update` and `sweep`.
  put(draft, key, made as Value);
  return draft;
}

const MAX_INDEX = 0x20000000;

function updateElement(target: readonly Value[] | null, place: number, { depth, change }: Place): Mark {
  const { owned, meter, value } = change;
  const length = target?.length ?? 0;
  const at = clamp(place, -1, length);
  const isInside = at >= 0 && at < length;
  if (!isInside && value === GONE) return target;
  if (at < 0) throw fault(() => `array index should not be negative: ${place}`);
  if (!isInside && place >= MAX_INDEX) throw fault(() => `array index too large: ${place}`);
  const where = isInside ? at : place;
  const made = update(isInside ? (target?.[at] ?? null) : null, depth + 1, change);
  const draft = ownArray(target, where + 1, { owned, meter });
  draft[where] = made as Value;
  return draft;
}

/** The array itself when it may be changed, else a copy; at least so long, filled up with nulls. */
function ownArray(target: readonly Value[] | null, least: number, tools: { owned: Owned; meter: Meter }): Value[] {
  const length = target?.length ?? 0;
  const isOwned = target !== null && tools.owned.has(target);
  tools.meter.members(isOwned ? Math.max(least - length, 0) : Math.max(least, length));
  const draft = isOwned ? (target as Value[]) : (target?.slice() ?? []);
  for (let i = length; i < least; i++) draft.push(null);
  if (!isOwned) tools.owned.add(draft);
  return draft;
}

function updateSlice(target: readonly Value[] | null, key: JqObject, { depth, change }: Place): Mark {
  const { owned, meter, value } = change;
  const { start, end } = bounds(key);
  const [from, to] = range(target?.length ?? 0, start, end, "an array");
  if (from === to && value === GONE) return target;
  const made = update((target ?? []).slice(from, to), depth + 1, change);
  if (made === GONE) {
    const draft = ownArray(target, 0, { owned, meter });
    for (let i = from; i < to; i++) draft[i] = GONE as unknown as Value;
    return draft;
  }
  if (!isArray(made)) throw notAnArray(made);
  const items = target ?? [];
  meter.members(items.length + made.length);
  const draft = [...items.slice(0, from), ...made, ...items.slice(to)];
  owned.add(draft);
  return draft;
}

/** Takes the marks out. They can only be in containers that were made here. */
function sweep(value: Mark, owned: Owned): Value {
  if (value === GONE) return null;
  if (typeof value !== "object" || value === null || !owned.has(value)) return value;
  if (isArray(value)) {
    const draft = value as Mark[];
    let kept = 0;
    for (const item of draft) if (item !== GONE) draft[kept++] = sweep(item, owned);
    draft.length = kept;
  } else if (isObject(value)) {
    const draft = value as Draft;
    for (const key of Object.keys(draft)) {
      const item = (draft[key] ?? null) as Mark;
      if (item === GONE) delete draft[key];
      else put(draft, key, sweep(item, owned));
    }
  }
  return value;
}
