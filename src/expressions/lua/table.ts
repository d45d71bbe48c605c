import type { LuaValue } from "./values.ts";

/** What growing and searching costs is paid here. */
export interface Meter {
  spend(steps: number): void;
  grow(bytes: number): void;
}

/** Whole keys from 1 up to this live in the array part, as in the peer. */
const MAX_ARRAY_INDEX = 67108864;
const ENTRY_BYTES = 64;
const ITEM_BYTES = 16;
const MAX_GAP = 1024;

/**
 * A table as gopher-lua has it: an array part that may hold nils, even at its end, and a hash part that remembers the
 * order in which keys first came (`pairs` follows it; a removed key keeps its place). Keys are data: a Map, no object.
 */
export class LuaTable {
  array: LuaValue[];
  hash: Map<LuaValue, LuaValue> | undefined;
  meta: LuaTable | undefined = undefined;
  /** The keys of the hash part in order, made when `next` first needs it, and kept in step from then on. */
  #order: LuaValue[] | undefined;
  #places: Map<LuaValue, number> | undefined;
  /** Where `next` was last: a loop asks for the key after the one it has just got. */
  #last = 0;

  constructor(array: LuaValue[] = [], hash?: Map<LuaValue, LuaValue>) {
    this.array = array;
    this.hash = hash;
  }

  get(key: LuaValue, meter: Meter): LuaValue {
    if (typeof key === "number") {
      if (isArrayKey(key)) return this.array[key - 1];
    } else if (typeof key === "string" && key.length > 256) {
      meter.spend(key.length / 64);
    }
    return this.hash?.get(key);
  }

  /** The key is not nil and not NaN. */
  set(key: LuaValue, value: LuaValue, meter: Meter): void {
    if (typeof key === "number" && isArrayKey(key)) this.setItem(key, value, meter);
    else this.setEntry(key, value, meter);
  }

  /** Sets item `index`, counted from 1; a nil behind the end makes the array part longer too. */
  setItem(index: number, value: LuaValue, meter: Meter): void {
    const { length } = this.array;
    if (index <= length) {
      this.array[index - 1] = value;
      return;
    }
    const gap = index - length;
    // V8 keeps an array with a wide gap as a hash, so that the gap costs nothing.
    meter.grow(gap > MAX_GAP ? 4 * ENTRY_BYTES : gap * ITEM_BYTES);
    if (gap === 1) this.array.push(value);
    else this.array[index - 1] = value;
  }

  setEntry(key: LuaValue, value: LuaValue, meter: Meter): void {
    if (this.hash === undefined) {
      if (value === undefined) return;
      this.hash = new Map();
    }
    const { hash } = this;
    if (typeof key === "string" && key.length > 256) meter.spend(key.length / 64);
    const { size } = hash;
    // A removed key stays with the value nil, so that it keeps its place in `pairs`.
    if (value === undefined && !hash.has(key)) return;
    hash.set(key, value);
    if (hash.size === size) return;
    meter.spend(1);
    meter.grow(ENTRY_BYTES);
    if (this.#order === undefined) return;
    this.#places?.set(key, this.#order.length);
    this.#order.push(key);
  }

  /** `#` without a metamethod, and table.maxn: the last item that is not nil. */
  length(meter: Meter): number {
    const { array } = this;
    let { length } = array;
    while (length > 0 && array[length - 1] === undefined) {
      length -= 1;
      if (length % 1024 === 0) meter.spend(512);
    }
    return length;
  }

  /** table.insert at the end: into the nils that are there, or behind the last item. */
  append(value: LuaValue, meter: Meter): void {
    if (value === undefined) return;
    const { array } = this;
    if (array.length > 0 && array[array.length - 1] === undefined) this.setItem(this.length(meter) + 1, value, meter);
    else this.setItem(array.length + 1, value, meter);
  }

  insert(position: number, value: LuaValue, meter: Meter): void {
    const { array } = this;
    if (position > array.length || position <= 0) {
      this.set(position, value, meter);
      return;
    }
    meter.spend((array.length - position) / 16);
    meter.grow(ITEM_BYTES);
    array.splice(position - 1, 0, value);
  }

  /** table.remove; a position below 1 is the last one. A nil at the end is an item like others. */
  remove(position: number, meter: Meter): LuaValue {
    const { array } = this;
    if (array.length === 0 || position > array.length) return undefined;
    if (position === array.length || position < 1) return array.pop();
    meter.spend((array.length - position) / 16);
    return array.splice(position - 1, 1)[0];
  }

  /** The key after `key`, and its value through `get`; undefined at the end. An unknown key stands for the first one. */
  next(key: LuaValue, meter: Meter): LuaValue {
    if (key === undefined || (typeof key === "number" && Number.isInteger(key) && key > 0 && key < MAX_ARRAY_INDEX)) {
      const { array } = this;
      const from = key ?? 0;
      let index = from;
      while (index < array.length && array[index] === undefined) {
        index += 1;
        if (index % 1024 === 0) meter.spend(512);
      }
      meter.spend(1);
      if (index < array.length) return index + 1;
      if (index === array.length || array.length === 0) return this.#entryFrom(0, meter);
    }
    return this.#entryFrom(this.#placeOf(key, meter) + 1, meter);
  }

  #entryFrom(start: number, meter: Meter): LuaValue {
    const { hash } = this;
    if (hash === undefined) return undefined;
    this.#order ??= listed(hash, meter);
    const order = this.#order;
    for (let place = start; place < order.length; place++) {
      const key = order[place];
      if (hash.get(key) === undefined) continue;
      meter.spend(1 + (place - start) / 2);
      this.#last = place;
      return key;
    }
    meter.spend((order.length - start) / 2);
    return undefined;
  }

  #placeOf(key: LuaValue, meter: Meter): number {
    if (this.hash === undefined) return 0;
    this.#order ??= listed(this.hash, meter);
    const order = this.#order;
    if (order[this.#last] === key) return this.#last;
    if (this.#places === undefined) {
      meter.grow(order.length * ENTRY_BYTES);
      meter.spend(order.length / 4);
      this.#places = new Map(order.map((known, place) => [known, place]));
    }
    return this.#places.get(key) ?? 0;
  }
}

function listed(hash: Map<LuaValue, LuaValue>, meter: Meter): LuaValue[] {
  meter.grow(hash.size * ITEM_BYTES);
  meter.spend(hash.size / 8);
  return [...hash.keys()];
}

function isArrayKey(key: number): boolean {
  return key > 0 && key < MAX_ARRAY_INDEX && Number.isInteger(key);
}
