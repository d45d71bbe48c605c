import { isLetter, isNumber, isPunct, isSpace, isUpper, lowerRune, upperRune } from "../go-text.ts";

function isConnector(rune: string): boolean {
  return rune === "-" || rune === "_" || isSpace(rune);
}

/**
 * `camelcase`: connectors between words go, each word begins with a capital, and a run of capitals keeps only its first.
 * Leading connectors, and all but one of several in a row, stay.
 */
export function camelCase(text: string): string {
  const runes = Array.from(text);
  let at = 0;
  while (at < runes.length && isConnector(runes[at] ?? "")) at += 1;
  let out = runes.slice(0, at).join("");
  const first = runes[at];
  // Of connectors alone the last is written twice.
  if (first === undefined) return out + (runes.at(-1) ?? "");
  let previous = upperRune(first);
  let inCapitals = isUpper(first);
  for (let rune of runes.slice(at + 1)) {
    if (isConnector(rune) && isConnector(previous)) out += previous;
    else if (isConnector(previous)) {
      inCapitals = isUpper(rune);
      rune = upperRune(rune);
    } else {
      if (inCapitals && isUpper(rune)) rune = lowerRune(rune);
      else inCapitals = false;
      out += previous;
    }
    previous = rune;
  }
  return out + previous;
}

/** A letter that is not an ideograph. */
function isAlphabet(rune: string): boolean {
  return isLetter(rune) && !/[\u4e00-\u9fcc\u3400-\u4d85\u{20000}-\u{2b81d}]/u.test(rune);
}

type WordKind = "none" | "number" | "capitals" | "letters" | "connector" | "punctuation" | "other";

interface Word {
  readonly kind: WordKind;
  readonly text: string;
}

/**
 * `snakecase` and `kebabcase`: words are split at connectors and changes of case, and joined by `connector` in lower case.
 * A number sticks to the letters after it. Follows the order of decisions of xstrings, which its results depend on.
 */
export function separatedCase(text: string, connector: string): string {
  const words = wordsOf(text);
  let at = 0;
  let out = "";
  const kindAt = (i: number): WordKind => words[i]?.kind ?? "none";
  const put = (i: number): void => {
    const word = words[i];
    if (word === undefined) return;
    if (word.kind === "connector") out += connectors(word.text, connector);
    else out += word.kind === "capitals" ? Array.from(word.text, lowerCapital).join("") : word.text;
  };
  const putJoined = (): void => {
    while (kindAt(at) === "letters" || kindAt(at) === "number") {
      put(at);
      at += 1;
    }
  };
  const separates = (i: number): boolean => !["none", "connector", "punctuation"].includes(kindAt(i));
  while (at + 1 < words.length) {
    const previous = at;
    if (kindAt(previous) !== "connector") put(previous);
    at += 1;
    switch (kindAt(previous)) {
      case "number":
        putJoined();
        if (separates(at)) out += connector;
        break;
      case "connector":
        put(previous);
        break;
      case "punctuation":
        break;
      default:
        if (kindAt(at) !== "number") {
          if (separates(at)) out += connector;
          break;
        }
        // A number at the very end sticks to the word before it.
        if (at + 1 >= words.length) break;
        at += 1;
        if (kindAt(at) !== "letters") {
          put(at - 1);
          if (separates(at)) out += connector;
          break;
        }
        out += connector;
        put(at - 1);
        putJoined();
        if (separates(at)) out += connector;
    }
  }
  put(at);
  return out;
}

function lowerCapital(rune: string): string {
  return isUpper(rune) ? lowerRune(rune) : rune;
}

/** Each connector character becomes one. */
function connectors(text: string, connector: string): string {
  return connector.repeat(Array.from(text).length);
}

function wordsOf(text: string): readonly Word[] {
  const runes = Array.from(text);
  const words: Word[] = [];
  for (let start = 0; start < runes.length; ) {
    const kind = kindOf(runes[start] ?? "");
    let end = start + 1;
    const run = (belongs: (rune: string) => boolean): void => {
      while (end < runes.length && belongs(runes[end] ?? "")) end += 1;
    };
    if (kind === "capitals") end = endOfCapitals(runes, start);
    else if (kind === "letters") run((rune) => isAlphabet(rune) && !isUpper(rune));
    // Connectors are punctuation too: only at its start do they make a word of their own.
    else if (kind === "punctuation") run(isPunct);
    else if (kind === "other") run((rune) => kindOf(rune) === "other");
    else run((rune) => kindOf(rune) === kind);
    words.push({ kind, text: runes.slice(start, end).join("") });
    start = end;
  }
  return words;
}

function kindOf(rune: string): WordKind {
  if (isConnector(rune)) return "connector";
  if (isPunct(rune)) return "punctuation";
  if (isUpper(rune)) return "capitals";
  if (isAlphabet(rune)) return "letters";
  return isNumber(rune) ? "number" : "other";
}

/** "HTTPServer" is HTTP and Server: the last capital before small letters belongs to them. */
function endOfCapitals(runes: readonly string[], start: number): number {
  let end = start + 1;
  const isSmall = (rune: string | undefined): boolean => rune !== undefined && isAlphabet(rune) && !isUpper(rune);
  if (isSmall(runes[end])) {
    while (isSmall(runes[end])) end += 1;
    return end;
  }
  while (end < runes.length && isUpper(runes[end] ?? "")) end += 1;
  return end - start > 1 && isSmall(runes[end]) ? end - 1 : end;
}
