import { failed } from "../pratt.ts";

/** What one evaluation may cost; filters run on every event, whoever sent it. */
const MAX_STEPS = 5_000_000;
/** expr's own budget: elements of arrays, maps and ranges made. */
const MAX_ELEMENTS = 1_000_000;
/** Characters of text made. expr has no such limit. */
const MAX_TEXT = 32 * 1024 * 1024;
/** How many characters looked at cost as much as one node evaluated. */
const TEXT_PER_STEP = 64;

/** Counts what one evaluation uses; over the limit is EXPRESSION_FAILED. */
export class Budget {
  #steps = 0;
  #elements = 0;
  #text = 0;

  step(): void {
    this.#steps += 1;
    if (this.#steps > MAX_STEPS) throw failed(`the expression takes more than ${MAX_STEPS} steps`);
  }
  /** A pass over `length` characters or elements. */
  scan(length: number): void {
    this.#steps += length / TEXT_PER_STEP;
    this.step();
  }
  elements(count: number): void {
    this.#elements += count;
    if (this.#elements >= MAX_ELEMENTS) throw failed(`the expression makes ${MAX_ELEMENTS} elements or more`);
  }
  text(length: number): void {
    this.#text += length;
    if (this.#text > MAX_TEXT) throw failed(`the expression makes more than ${MAX_TEXT} characters of text`);
    this.scan(length);
  }
}
