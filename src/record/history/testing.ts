import fc from "fast-check";
import type { FactChunk } from "../../bus/bus.ts";
import type { Fact, FiringState } from "../../lib/facts.ts";
import type { Audit } from "../record.ts";
import { attempt, baseUs, chunk, decided, fired, receipt, stored } from "../testing.ts";

/** What may happen next, in a world with the triggers `t` (a && b) and `u` (c alone), each choice as a number. */
export const steps = fc.array(
  fc.record({
    what: fc.constantFrom(
      "store",
      "store",
      "decide",
      "decide",
      "decide",
      "try",
      "try",
      "draft",
      "reset",
      "redo",
      "late",
    ),
    choice: fc.nat(),
  }),
  { maxLength: 80 },
);

type Word = keyof Audit["decisions"];

/** A plain simulation that makes facts as the stages do, and counts beside it. */
export class World {
  readonly facts: Fact[] = [];
  readonly receipts = { stored: 0, duplicate: 0, filtered: 0, refused: 0 };
  readonly states = new Map<string, FiringState>();
  readonly #decisions = new Map<string, Word>();
  readonly #attempts = new Map<string, number>();
  readonly #held = new Map<string, { readonly id: string; readonly seq: number }>();
  readonly #late = new Set<string>();
  #decidedUpTo = 0;
  #unmatched = 0;
  #filtered = 0;

  step(what: string, choice: number): void {
    if (what === "store") this.#store();
    else if (what === "decide") this.#decide(choice);
    else if (what === "try") this.#try(choice);
    else if (what === "draft") this.#draft(choice);
    else if (what === "reset") this.#reset(choice);
    else if (what === "late") this.#decideLate(choice);
    else this.#redo(choice);
  }

  sums(): Omit<Audit, "missing"> {
    const decisions: Record<Word, number> = {
      fired: 0,
      filtered: this.#filtered,
      waiting: 0,
      superseded: 0,
      reset: 0,
      expired: 0,
      unmatched: this.#unmatched,
      undecided: this.receipts.stored - this.#decidedUpTo,
    };
    for (const word of this.#decisions.values()) decisions[word] += 1;
    const firings = { pending: 0, running: 0, done: 0, dead: 0, dropped: 0 };
    for (const state of this.states.values()) firings[state] += 1;
    return { receipts: this.receipts, decisions, firings };
  }

  #store(): void {
    this.receipts.stored += 1;
    this.facts.push(stored(`e${this.receipts.stored}`, this.receipts.stored));
  }

  #decide(choice: number): void {
    if (this.#decidedUpTo === this.receipts.stored) return;
    this.#decidedUpTo += 1;
    const seq = this.#decidedUpTo;
    const id = `e${seq}`;
    const dependency = ["a", "b", "c"][choice % 4];
    if (dependency === undefined) {
      this.#unmatched += 1;
      this.facts.push(decided(id, seq));
      return;
    }
    const filtered = (choice >> 2) % 3;
    this.#filtered += filtered;
    if (dependency === "c") {
      this.#fire(`c${seq}`, id, [["c", id]]);
      this.facts.push(decided(id, seq, { filtered, fired: [fired(`c${seq}`, "u", [["c", id]])] }));
      return;
    }
    const other = this.#held.get(dependency === "a" ? "b" : "a");
    const older = this.#held.get(dependency);
    const subscription = { sensor: "s", trigger: "t", dependency };
    const superseded = older === undefined ? [] : [{ ...subscription, event: older.id }];
    if (older !== undefined) this.#decisions.set(`${older.id}/${dependency}`, "superseded");
    if (other === undefined) {
      this.#held.set(dependency, { id, seq });
      this.#decisions.set(`${id}/${dependency}`, "waiting");
      const waiting = [{ ...subscription, reason: "waits" }];
      this.facts.push(decided(id, seq, { filtered, waiting, ...(older === undefined ? {} : { superseded }) }));
      return;
    }
    const pairs = [[dependency === "a" ? "b" : "a", other.id] as const, [dependency, id] as const];
    this.#held.clear();
    this.#fire(`t${seq}`, id, pairs);
    this.facts.push(decided(id, seq, { filtered, fired: [fired(`t${seq}`, "t", pairs)] }));
  }

  #fire(firing: string, _event: string, pairs: readonly (readonly [string, string])[]): void {
    this.states.set(firing, "pending");
    for (const [dependency, event] of pairs) this.#decisions.set(`${event}/${dependency}`, "fired");
  }

  #try(choice: number): void {
    const pending = [...this.states].filter(([, state]) => state === "pending");
    const firing = pending[choice % Math.max(pending.length, 1)]?.[0];
    if (firing === undefined) return;
    const n = (this.#attempts.get(firing) ?? 0) + 1;
    this.#attempts.set(firing, n);
    const state = (["done", "pending", "dead"] as const)[(choice >> 3) % 3] ?? "done";
    this.states.set(firing, state);
    this.facts.push(attempt(firing, n, { state, outcome: state === "done" ? "done" : "failed" }));
  }

  /** A person tries a dead letter again, or drops it. */
  #redo(choice: number): void {
    const dead = [...this.states].filter(([, state]) => state === "dead");
    const firing = dead[choice % Math.max(dead.length, 1)]?.[0];
    if (firing === undefined) return;
    const state = choice % 2 === 0 ? "pending" : "dropped";
    this.states.set(firing, state);
    this.#attempts.delete(firing);
    this.facts.push({ k: "firing", firing, state, atUs: baseUs, reason: "by hand" });
  }

  #draft(choice: number): void {
    const outcome = (["duplicate", "filtered", "refused"] as const)[choice % 3] ?? "refused";
    if (outcome === "duplicate" && this.receipts.stored === 0) return;
    this.receipts[outcome] += 1;
    const id = outcome === "duplicate" ? `e${1 + (choice % this.receipts.stored)}` : `draft${choice % 5}`;
    this.facts.push(receipt(id, outcome, { receivedUs: baseUs + 1_000_000 * this.receipts.stored }));
  }

  #reset(choice: number): void {
    const dependency = choice % 2 === 0 ? "a" : "b";
    const held = this.#held.get(dependency);
    if (held === undefined) return;
    this.#held.delete(dependency);
    const decision = choice % 3 === 0 ? "reset" : "expired";
    this.#decisions.set(`${held.id}/${dependency}`, decision);
    const ended = [{ sensor: "s", trigger: "t", dependency, event: held.id, decision } as const];
    this.facts.push(decided(held.id, held.seq, { matched: 1, ended }));
  }

  /** A sensor that catches up alone, on an event that the others have decided. */
  #decideLate(choice: number): void {
    if (this.#decidedUpTo === 0) return;
    const seq = 1 + (choice % this.#decidedUpTo);
    const id = `e${seq}`;
    if (this.#late.has(id)) return;
    this.#late.add(id);
    const unmatched = this.facts.some((fact) => fact.k === "decided" && fact.event === id && fact.matched > 0);
    if (!unmatched) this.#unmatched -= 1;
    this.states.set(`l${seq}`, "pending");
    this.#decisions.set(`${id}/late`, "fired");
    this.#filtered += 1;
    const one = { ...fired(`l${seq}`, "v", [["late", id]]), sensor: "late" };
    this.facts.push(decided(id, seq, { only: "late", filtered: 1, fired: [one] }));
  }
}

/** Facts cut into chunks at the given places. */
export function chunksOf(facts: readonly Fact[], sizes: readonly number[]): readonly FactChunk[] {
  const chunks: FactChunk[] = [];
  for (let at = 0, i = 0; at < facts.length; i++) {
    const size = sizes[i % sizes.length] ?? 1;
    chunks.push(chunk(chunks.length + 1, ...facts.slice(at, at + size)));
    at += size;
  }
  return chunks;
}

export const sizes = fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 5 });
