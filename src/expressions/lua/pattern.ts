/** Lua patterns as gopher-lua's package pm has them, parsed to instructions that pattern-match.ts runs. */

import type { Meter } from "./table.ts";
import { LuaFault } from "./values.ts";

type ByteClass = (byte: number) => boolean;

export type Instruction =
  | { readonly op: "char"; readonly matches: ByteClass }
  | { readonly op: "split"; readonly first: number; readonly second: number }
  | { readonly op: "jump"; readonly to: number }
  | { readonly op: "save" | "position"; readonly slot: number }
  | { readonly op: "balance"; readonly open: number; readonly close: number }
  | { readonly op: "again"; readonly capture: number }
  | { readonly op: "match" | "match at end" };

export interface Pattern {
  /** It begins with `^`: only the first place is tried. */
  readonly anchored: boolean;
  readonly code: readonly Instruction[];
  /** First slots of the captures `()`, whose value is the position counted from 1. */
  readonly positions: ReadonlySet<number>;
}

/** Captures in each other; deeper ones are refused. */
const MAX_NESTING = 100;
const END = -1;
const classes: ReadonlyMap<string, ByteClass> = new Map<string, ByteClass>([
  ["a", (c) => (c >= 65 && c <= 90) || (c >= 97 && c <= 122)],
  ["c", (c) => c <= 31 || c === 127],
  ["d", (c) => c >= 48 && c <= 57],
  ["l", (c) => c >= 97 && c <= 122],
  ["p", (c) => (c >= 33 && c <= 47) || (c >= 58 && c <= 64) || (c >= 91 && c <= 96) || (c >= 123 && c <= 126)],
  ["s", (c) => c === 32 || (c >= 9 && c <= 13)],
  ["u", (c) => c >= 65 && c <= 90],
  ["w", (c) => (c >= 48 && c <= 57) || (c >= 65 && c <= 90) || (c >= 97 && c <= 122)],
  ["x", (c) => (c >= 48 && c <= 57) || (c >= 65 && c <= 70) || (c >= 97 && c <= 102)],
  ["z", (c) => c === 0],
]);

/** Throws a LuaFault without a place: the caller adds it. */
export function parsePattern(text: string, meter: Meter): Pattern {
  const parser = new PatternParser(text, meter);
  return { anchored: parser.anchored, code: parser.code, positions: parser.positions };
}

class PatternParser {
  readonly #text: string;
  readonly code: Instruction[] = [{ op: "save", slot: 0 }];
  readonly positions = new Set<number>();
  readonly anchored: boolean;
  #at = 0;
  #slots = 2;
  readonly #meter: Meter;

  constructor(text: string, meter: Meter) {
    this.#text = text;
    this.#meter = meter;
    this.anchored = text.startsWith("^");
    if (this.anchored) this.#at = 1;
    const atEnd = this.#sequence(0);
    this.code.push({ op: "save", slot: 1 }, { op: atEnd ? "match at end" : "match" });
  }

  #next(): number {
    return this.#at < this.#text.length ? this.#text.charCodeAt(this.#at++) : END;
  }

  /** One part after the other, up to `)` or the end. Tells whether a `$` ended it. */
  #sequence(depth: number): boolean {
    const text = this.#text;
    let atEnd = false;
    while (this.#at < text.length) {
      const char = text.charAt(this.#at);
      if (char === ")") {
        if (depth === 0) throw new LuaFault(`invalid ')' at ${this.#at - 1}`);
        break;
      }
      if (char === "(") this.#capture(depth);
      else if (char === "$" && depth === 0 && this.#at === text.length - 1) {
        this.#at += 1;
        atEnd = true;
      } else if (char === "%" && /[0-9b]/.test(text.charAt(this.#at + 1))) this.#special(text.charAt(this.#at + 1));
      else this.#single();
    }
    return atEnd;
  }

  #special(letter: string): void {
    if (letter === "0") throw new LuaFault(`invalid capture index at ${this.#at}`);
    this.#at += 2;
    if (letter === "b") this.code.push({ op: "balance", open: this.#next(), close: this.#next() });
    else this.code.push({ op: "again", capture: Number(letter) });
  }

  #capture(depth: number): void {
    if (depth >= MAX_NESTING) throw new LuaFault("pattern too complex");
    this.#at += 1;
    const slot = this.#slots;
    this.#slots += 2;
    if (this.#text.charAt(this.#at) === ")") {
      this.#at += 1;
      this.positions.add(slot);
      this.code.push({ op: "position", slot });
      return;
    }
    this.code.push({ op: "save", slot });
    this.#sequence(depth + 1);
    if (this.#text.charAt(this.#at) !== ")") throw new LuaFault("unfinished capture at EOS");
    this.#at += 1;
    this.code.push({ op: "save", slot: slot + 1 });
  }

  #single(): void {
    const matches = this.#class(true);
    const repeat = this.#text.charAt(this.#at);
    const { code } = this;
    const here = code.length;
    const char: Instruction = { op: "char", matches };
    if (repeat === "" || !"*+-?".includes(repeat)) {
      code.push(char);
      return;
    }
    this.#at += 1;
    if (repeat === "*") code.push({ op: "split", first: here + 1, second: here + 3 }, char, { op: "jump", to: here });
    else if (repeat === "+") code.push(char, { op: "split", first: here, second: here + 2 });
    else if (repeat === "-") {
      code.push({ op: "split", first: here + 3, second: here + 1 }, char, { op: "jump", to: here });
    } else code.push({ op: "split", first: here + 1, second: here + 2 }, char);
  }

  #class(outside: boolean): ByteClass {
    const byte = this.#next();
    if (byte === 0x25) return escapedClass(this.#next());
    if (outside && byte === 0x2e) return () => true;
    if (outside && byte === 0x5b) return this.#set();
    return (each) => each === byte;
  }

  /** `[...]`. A `-` between two single characters is a range; one with a class at an end matches nothing, as there. */
  #set(): ByteClass {
    const text = this.#text;
    const inverted = text.charAt(this.#at) === "^";
    if (inverted) this.#at += 1;
    this.#meter.spend(16);
    const table = new Uint8Array(256).fill(inverted ? 1 : 0);
    const mark = (first: number, last: number): void => {
      for (let byte = first; byte <= last; byte++) table[byte] = inverted ? 0 : 1;
    };
    let members = 0;
    /** The member before, marked only when no `-` follows: as in the peer that takes it as the begin of a range. */
    let begin: number | ByteClass | readonly [from: number, to: number] | undefined;
    const close = (): void => {
      if (typeof begin === "number") mark(begin, begin);
      else if (typeof begin === "object") mark(begin[0], begin[1]);
      else if (begin !== undefined) for (let byte = 0; byte < 256; byte++) if (begin(byte)) mark(byte, byte);
      begin = undefined;
    };
    let isRange = false;
    for (;;) {
      const char = text.charAt(this.#at);
      if (char === "") throw new LuaFault(`unexpected EOS at ${text.length - 1}`);
      if (char === "]" && members > 0) break;
      if (char === "-" && members > 0) {
        this.#at += 1;
        isRange = true;
        continue;
      }
      members += 1;
      const member = char === "%" ? this.#class(false) : this.#next();
      if (isRange) {
        // A range with a class or a range at an end matches nothing.
        begin = typeof begin === "number" && typeof member === "number" ? [begin, member] : [1, 0];
        isRange = false;
      } else {
        close();
        begin = member;
      }
      if (char === "%") this.#meter.spend(32);
    }
    this.#at += 1;
    close();
    if (isRange) mark(0x2d, 0x2d);
    return (each) => table[each] === 1;
  }
}

/** `%a`, `%A`...; a capital letter is the complement, any other character itself. */
function escapedClass(byte: number): ByteClass {
  const letter = byte === END ? "" : String.fromCharCode(byte);
  const known = classes.get(letter.toLowerCase());
  if (known === undefined) return (each) => each === byte;
  return letter === letter.toLowerCase() ? known : (each) => !known(each);
}
