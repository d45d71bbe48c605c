import { failed } from "../pratt.ts";

/** Counts what one evaluation uses; over a limit is EXPRESSION_FAILED, which no `try` catches. */
export class Meter {
  readonly #maxSteps: number;
  readonly #maxBytes: number;
  /** Unix milliseconds, for `now`. */
  readonly nowMs: number | undefined;
  #steps = 0;
  #bytes = 0;

  constructor(maxSteps: number, maxBytes: number, nowMs: number | undefined) {
    this.#maxSteps = maxSteps;
    this.#maxBytes = maxBytes;
    this.nowMs = nowMs;
  }

  step(): void {
    this.#steps += 1;
    if (this.#steps > this.#maxSteps) throw this.#tooLong();
  }

  /** A pass over so many characters or elements; 16 of them are a step. */
  scan(length: number): void {
    this.#steps += length / 16;
    if (this.#steps > this.#maxSteps) throw this.#tooLong();
  }

  /** So many bytes made; bytes that are freed again count too. */
  grow(bytes: number): void {
    this.#bytes += bytes;
    if (this.#bytes > this.#maxBytes) throw failed(`the program makes more than ${this.#maxBytes} bytes`);
    this.scan(bytes / 16);
  }

  /** Text of that many characters made. */
  text(length: number): void {
    this.grow(length);
  }

  /** An array or object of that many members made. */
  members(count: number): void {
    this.grow(16 + 8 * count);
  }

  /** An object of that many keys made; large ones cost more for each key. */
  keys(count: number): void {
    this.grow(32 + 16 * count);
    this.scan(count > 100 ? 32 * count : 4 * count);
  }

  /** Something was put off that takes memory until it is done: bounds how deep a program can recurse. */
  frame(): void {
    this.grow(192);
  }

  #tooLong(): Error {
    return failed(`the program takes more than ${this.#maxSteps} steps`);
  }
}
