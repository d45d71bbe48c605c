import { failed } from "../pratt.ts";
import type { Trail } from "./access.ts";
import { Halt, JqError, raised } from "./faults.ts";
import type { Meter } from "./meter.ts";
import type { Value } from "./value.ts";

/**
 * A program runs on registers, a continuation (`k`: what to do with the next output) and a stack of choices to come back
 * to. Nothing of it is on the JavaScript stack: recursion in a program is as deep as the budget allows, a call in tail
 * position costs no memory, and an output is only computed when it is asked for.
 */
export type Step = (m: Machine) => void;

/** A compiled query. */
export interface Node {
  /** Takes the input from `m.v`; each output is handed to `m.k` with `m.ret`. */
  readonly step: Step;
  /** The same for a query that has exactly one output, or throws, and that is not asked for its path. */
  readonly pure: Pure | undefined;
}

export type Pure = (value: Value, env: Env, m: Machine) => Value;

/** Variables, closures and labels in scope, innermost first; the compiler knows how far up each one is. */
export type Env = {
  readonly up: Env;
  readonly value: Value;
  readonly closure: { readonly node: Node; readonly env: Env } | null;
  readonly label: object | null;
} | null;

export function bindValue(up: Env, value: Value): Env {
  return { up, value, closure: null, label: null };
}

export function bindClosure(up: Env, node: Node, env: Env): Env {
  return { up, value: null, closure: { node, env }, label: null };
}

export function bindLabel(up: Env, label: object): Env {
  return { up, value: null, closure: null, label };
}

export function envAt(env: Env, distance: number): Env {
  let found = env;
  for (let i = 0; i < distance; i++) found = found === null ? null : found.up;
  return found;
}

/** What is thrown away until somebody takes it. */
type Failure = JqError | Halt | Break;

/** `break`: runs through the choices up to its label. */
export class Break {
  readonly label: object;

  constructor(label: object) {
    this.label = label;
  }
}

/** A choice to come back to. It has been taken off the stack when it is called. */
export interface Choice {
  /** There are no more outputs of what came after: go on from here. */
  resume(m: Machine): void;
  /** What came after failed. Answers whether that is settled; then it has told the machine how to go on, but not gone. */
  fail?(m: Machine, failure: Failure): boolean;
  /** Set for the marks that `try` leaves. */
  readonly guard?: "begin" | "end";
}

export class Machine {
  readonly meter: Meter;
  v: Value = null;
  /** The path of `v`, when a `path(...)` wants it. */
  p: Trail = null;
  e: Env = null;
  k: Step;
  op: Step;
  readonly choices: Choice[] = [];
  #state: "running" | "output" | "done" = "running";

  constructor(meter: Meter, program: Node, input: Value) {
    this.meter = meter;
    this.v = input;
    this.k = emit;
    this.op = program.step;
  }

  /** The next output; undefined after the last one. */
  next(): { readonly value: Value } | undefined {
    if (this.#state === "output") {
      this.#state = "running";
      this.backtrack();
    }
    while (this.#state === "running") this.#burst();
    return this.#isOutput() ? { value: this.v } : undefined;
  }

  #isOutput(): boolean {
    return this.#state === "output";
  }

  #burst(): void {
    try {
      while (this.#state === "running") {
        this.meter.step();
        this.op(this);
      }
    } catch (error) {
      if (error instanceof JqError || error instanceof Halt || error instanceof Break) this.#unwind(error);
      else if (error instanceof RangeError)
        throw failed("the data are nested too deeply or too large", { cause: error });
      else throw error;
    }
  }

  /** Hands a value to what comes after. */
  ret(value: Value): void {
    this.v = value;
    this.op = this.k;
  }

  /** Runs a node on these registers. */
  run(node: Node, value: Value, env: Env, k: Step): void {
    this.v = value;
    this.e = env;
    this.k = k;
    this.op = node.step;
  }

  /** Gives up the present way and takes the latest choice. */
  backtrack(): void {
    this.op = takeChoice;
  }

  /**
   * Walks down the choices with a failure. A `try` whose body had already given the output that failed later on does not
   * catch it: its end mark is met first.
   */
  #unwind(failure: Failure): void {
    let ended = 0;
    for (let choice = this.choices.pop(); choice !== undefined; choice = this.choices.pop()) {
      if (choice.guard === "end") ended += 1;
      else if (choice.guard === "begin" && ended > 0) ended -= 1;
      else if ((ended === 0 || choice.guard === undefined) && choice.fail?.(this, failure) === true) return;
    }
    this.#state = "done";
    if (failure instanceof Break) throw failed("break");
    const message = failure instanceof Halt ? `halt ${raised(failure.value).message}` : failure.message;
    throw failed(message);
  }

  /** What `emit` and `takeChoice` do; not for nodes. */
  pause(state: "output" | "done"): void {
    this.#state = state;
  }
}

const emit: Step = (m) => m.pause("output");

/** A step of its own, so that a long row of choices that give up is no recursion. */
const takeChoice: Step = (m) => {
  const choice = m.choices.pop();
  if (choice === undefined) m.pause("done");
  else choice.resume(m);
};

export function always(pure: Pure): Node {
  return { pure, step: (m) => m.ret(pure(m.v, m.e, m)) };
}
