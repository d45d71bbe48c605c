/** Finds a text at or behind `from` and answers where it ends, or -1. */
export type TextFinder = (text: string, from: number) => number;

/**
 * V8's `indexOf` is quick, but in the worst case it compares the whole of `wanted` at every place: a megabyte of `a` and
 * 40,000 times `a` behind a `b` take 5.5 s. Up to here the worst case is not felt.
 */
const SHORT = 64;

/** A search that takes time linear in the text, whatever the two hold. */
export function textFinder(wanted: string): TextFinder {
  if (wanted.length <= SHORT) {
    return (text, from) => {
      const at = text.indexOf(wanted, from);
      return at < 0 ? -1 : at + wanted.length;
    };
  }
  const borders = bordersOf(wanted);
  return (text, from) => {
    let matched = 0;
    for (let at = from; at < text.length; at++) {
      const code = text.charCodeAt(at);
      while (matched > 0 && wanted.charCodeAt(matched) !== code) matched = borders[matched - 1] ?? 0;
      if (wanted.charCodeAt(matched) === code) matched++;
      if (matched === wanted.length) return at + 1;
    }
    return -1;
  };
}

/** Per prefix, the length of its longest proper prefix that is also its end (Knuth, Morris, Pratt). */
function bordersOf(wanted: string): Uint32Array {
  const borders = new Uint32Array(wanted.length);
  let length = 0;
  for (let at = 1; at < wanted.length; at++) {
    const code = wanted.charCodeAt(at);
    while (length > 0 && wanted.charCodeAt(length) !== code) length = borders[length - 1] ?? 0;
    if (wanted.charCodeAt(length) === code) length++;
    borders[at] = length;
  }
  return borders;
}
