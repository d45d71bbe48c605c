import type { LuaValue } from "./values.ts";

/**
 * Sorts in place in the very order of comparisons and exchanges of Go's `sort.Sort` (pattern-defeating quicksort), which
 * gopher-lua uses: it is not stable, so where items are equal the target would see any other algorithm. Checked against
 * Go on random lists. A comparison may throw, or be no order at all: every loop is bounded by indices.
 */
export function sortItems(items: LuaValue[], less: (left: LuaValue, right: LuaValue) => boolean): void {
  const limit = 32 - Math.clz32(items.length);
  const list: Sorting = {
    less: (i, j) => less(items[i], items[j]),
    swap: (i, j) => {
      const item = items[i];
      items[i] = items[j];
      items[j] = item;
    },
  };
  quicksort(list, 0, items.length, limit);
}

interface Sorting {
  less(i: number, j: number): boolean;
  swap(i: number, j: number): void;
}

type Order = "rising" | "falling" | "unknown";

const SMALL = 12;
const MANY = 50;

function quicksort(list: Sorting, from: number, to: number, badPivots: number): void {
  let [start, end, left] = [from, to, badPivots];
  let balanced = true;
  let untouched = true;
  while (end - start > SMALL) {
    const length = end - start;
    if (left === 0) {
      heapsort(list, start, end);
      return;
    }
    if (!balanced) {
      scatter(list, start, end);
      left -= 1;
    }
    let [pivot, order] = choosePivot(list, start, end);
    if (order === "falling") {
      for (let i = start, j = end - 1; i < j; i++, j--) list.swap(i, j);
      pivot = end - 1 - (pivot - start);
      order = "rising";
    }
    if (balanced && untouched && order === "rising" && finishSorted(list, start, end)) return;
    if (start > 0 && !list.less(start - 1, pivot)) {
      start = splitEqual(list, start, end, pivot);
      continue;
    }
    const [middle, already] = split(list, start, end, pivot);
    untouched = already;
    balanced = Math.min(middle - start, end - middle) >= Math.floor(length / 8);
    if (middle - start < end - middle) {
      quicksort(list, start, middle, left);
      start = middle + 1;
    } else {
      quicksort(list, middle + 1, end, left);
      end = middle;
    }
  }
  for (let i = start + 1; i < end; i++) {
    for (let j = i; j > start && list.less(j, j - 1); j--) list.swap(j, j - 1);
  }
}

function heapsort(list: Sorting, start: number, end: number): void {
  const sift = (top: number, size: number): void => {
    for (let root = top; ; ) {
      let child = 2 * root + 1;
      if (child >= size) return;
      if (child + 1 < size && list.less(start + child, start + child + 1)) child += 1;
      if (!list.less(start + root, start + child)) return;
      list.swap(start + root, start + child);
      root = child;
    }
  };
  const length = end - start;
  for (let i = Math.trunc((length - 1) / 2); i >= 0; i--) sift(i, length);
  for (let i = length - 1; i >= 0; i--) {
    list.swap(start, start + i);
    sift(0, i);
  }
}

/** Moves three items by a xorshift of the length, which is the same each time. */
function scatter(list: Sorting, start: number, end: number): void {
  const length = end - start;
  const mask = BigInt(2 ** (32 - Math.clz32(length)) - 1);
  let random = BigInt(length);
  const middle = start + Math.floor(length / 4) * 2;
  for (let i = middle - 1; i <= middle + 1; i++) {
    random ^= BigInt.asUintN(64, random << 13n);
    random ^= random >> 7n;
    random ^= BigInt.asUintN(64, random << 17n);
    const other = Number(random & mask);
    list.swap(i, start + (other >= length ? other - length : other));
  }
}

function choosePivot(list: Sorting, start: number, end: number): [pivot: number, order: Order] {
  const quarter = Math.floor((end - start) / 4);
  let swaps = 0;
  const ordered = (i: number, j: number): [number, number] => {
    if (!list.less(j, i)) return [i, j];
    swaps += 1;
    return [j, i];
  };
  const median = (i: number, j: number, k: number): number => {
    const [low, high] = ordered(i, j);
    const [middle] = ordered(high, k);
    return ordered(low, middle)[1];
  };
  let places = [start + quarter, start + quarter * 2, start + quarter * 3];
  if (end - start >= MANY) places = places.map((place) => median(place - 1, place, place + 1));
  const [i = 0, j = 0, k = 0] = places;
  const pivot = median(i, j, k);
  return [pivot, swaps === 0 ? "rising" : swaps === 12 ? "falling" : "unknown"];
}

/** Sorts what is almost sorted; false where more than five pairs are out of order. */
function finishSorted(list: Sorting, start: number, end: number): boolean {
  let i = start + 1;
  for (let step = 0; step < 5; step++) {
    while (i < end && !list.less(i, i - 1)) i += 1;
    if (i === end) return true;
    if (end - start < MANY) return false;
    list.swap(i, i - 1);
    if (i - start >= 2) for (let j = i - 1; j >= 1 && list.less(j, j - 1); j--) list.swap(j, j - 1);
    if (end - i >= 2) for (let j = i + 1; j < end && list.less(j, j - 1); j++) list.swap(j, j - 1);
  }
  return false;
}

function split(list: Sorting, start: number, end: number, pivot: number): [middle: number, already: boolean] {
  list.swap(start, pivot);
  let i = start + 1;
  let j = end - 1;
  for (let swaps = 0; ; swaps++) {
    while (i <= j && list.less(i, start)) i += 1;
    while (i <= j && !list.less(j, start)) j -= 1;
    if (i > j) {
      list.swap(j, start);
      return [j, swaps === 0];
    }
    list.swap(i, j);
    i += 1;
    j -= 1;
  }
}

/** Items equal to the pivot first; none is less. */
function splitEqual(list: Sorting, start: number, end: number, pivot: number): number {
  list.swap(start, pivot);
  let i = start + 1;
  let j = end - 1;
  for (;;) {
    while (i <= j && !list.less(start, i)) i += 1;
    while (i <= j && list.less(start, j)) j -= 1;
    if (i > j) return i;
    list.swap(i, j);
    i += 1;
    j -= 1;
  }
}
