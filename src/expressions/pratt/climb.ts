/** An infix operator that `Grammar.infix` has taken from the tokens. */
export interface Infix<N> {
  readonly name: string;
  /** What binds at least this tightly belongs to the right side: own precedence + 1 for left-associative operators. */
  readonly rightPrecedence: number;
  join(left: N, right: () => N): N;
}

/** What differs between the languages: what stands between operators, and which operators there are. */
export interface Grammar<N> {
  operand(): N;
  /**
   * The operator that comes next, taken from the tokens, if it binds at least as tightly as `least`; otherwise nothing is
   * taken. `previous` is the operator taken before it on the same level.
   */
  infix(least: number, previous: string | undefined): Infix<N> | undefined;
}

/** Precedence climbing: an operand, then every operator that binds at least as tightly as `least`. */
export function climb<N>(grammar: Grammar<N>, least: number): N {
  let left = grammar.operand();
  let previous: string | undefined;
  for (;;) {
    const infix = grammar.infix(least, previous);
    if (infix === undefined) return left;
    left = infix.join(left, () => climb(grammar, infix.rightPrecedence));
    previous = infix.name;
  }
}
