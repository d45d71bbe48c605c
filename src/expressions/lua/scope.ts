import type { Capture, FunctionNode, Variable } from "./ast.ts";
import { invalid } from "./lexer.ts";

/** As in the peer. */
const MAX_LOCALS = 200;

interface Goto {
  readonly label: string;
  readonly position: number;
  /** Locals in scope where it stands; fewer after each block that it leaves. */
  locals: number;
}

interface Level {
  /** Slots in use where the block began. */
  readonly base: number;
  readonly isLoop: boolean;
  count: number;
  /** The latest of each name. */
  readonly variables: Map<string, Variable>;
  readonly labels: Map<string, number>;
  readonly gotos: Goto[];
}

/** The names and jumps of one function while it is parsed. */
export class FunctionScope {
  readonly parent: FunctionScope | undefined;
  readonly node: FunctionNode;
  readonly #levels: Level[] = [];
  readonly #upvalues = new Map<string, number>();
  readonly #captures: Capture[] = [];

  constructor(parent: FunctionScope | undefined, node: FunctionNode) {
    this.parent = parent;
    this.node = node;
    node.captures = this.#captures;
  }

  #used(): number {
    const level = this.#levels.at(-1);
    return level === undefined ? 0 : level.base + level.count;
  }

  enter(isLoop: boolean): void {
    this.#levels.push({ base: this.#used(), isLoop, count: 0, variables: new Map(), labels: new Map(), gotos: [] });
  }

  /** Ends a block; jumps to labels that are not in it are left to the block around it. */
  leave(): void {
    const level = this.#levels.pop();
    const outer = this.#levels.at(-1);
    for (const jump of level?.gotos ?? []) {
      if (outer === undefined) throw invalid(`there is no visible label '${jump.label}'`, jump.position);
      jump.locals = Math.min(jump.locals, level?.base ?? 0);
      const label = outer.labels.get(jump.label);
      if (label === undefined) outer.gotos.push(jump);
    }
  }

  declare(name: string, position: number): Variable {
    const slot = this.#used();
    if (slot >= MAX_LOCALS) throw invalid(`more than ${MAX_LOCALS} local variables in a function`, position);
    const variable: Variable = { name, slot, captured: false };
    const level = this.#levels.at(-1);
    if (level !== undefined) {
      level.variables.set(name, variable);
      level.count += 1;
    }
    return variable;
  }

  label(name: string, position: number, isLast: boolean): void {
    const level = this.#levels.at(-1);
    if (level === undefined) return;
    if (level.labels.has(name)) throw invalid(`the label '${name}' is there already`, position);
    const locals = isLast ? level.base : this.#used();
    level.labels.set(name, locals);
    const waiting = level.gotos.splice(0);
    for (const jump of waiting) {
      if (jump.label !== name) level.gotos.push(jump);
      else if (jump.locals < locals) {
        throw invalid(`the goto to '${name}' jumps into the scope of a local variable`, jump.position);
      }
    }
  }

  jump(label: string, position: number): void {
    const level = this.#levels.at(-1);
    if (level?.labels.has(label)) return;
    level?.gotos.push({ label, position, locals: this.#used() });
  }

  get inLoop(): boolean {
    return this.#levels.some((level) => level.isLoop);
  }

  local(name: string): Variable | undefined {
    for (let i = this.#levels.length - 1; i >= 0; i--) {
      const found = this.#levels[i]?.variables.get(name);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  /** The upvalue of this name, if a function around has such a local. */
  upvalue(name: string): number | undefined {
    const { parent } = this;
    const known = this.#upvalues.get(name);
    if (known !== undefined || parent === undefined) return known;
    const variable = parent.local(name);
    const outer = variable === undefined ? parent.upvalue(name) : undefined;
    if (variable === undefined && outer === undefined) return undefined;
    if (variable !== undefined) {
      variable.captured = true;
      parent.node.hasCells = true;
    }
    const index = this.#captures.push(variable === undefined ? { upvalue: outer ?? 0 } : { local: variable }) - 1;
    this.#upvalues.set(name, index);
    return index;
  }
}
