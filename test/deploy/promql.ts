/* As much of PromQL as it takes to find the names in an expression; whether it is one, promtool and Prometheus say. */

/** One `name{label="value"}` of an expression. */
export interface Selector {
  readonly metric: string;
  readonly labels: readonly { readonly name: string; readonly operator: string; readonly value: string }[];
}

export interface Names {
  readonly selectors: readonly Selector[];
  /** Labels of `by`, `without`, `on`, `ignoring`, `group_left` and `group_right`, and those that `label_replace` reads. */
  readonly labels: readonly string[];
  /** Labels that `label_replace` makes. */
  readonly made: readonly string[];
}

const words = new Set(["by", "without", "on", "ignoring", "group_left", "group_right"]);
const operators = new Set(["and", "or", "unless", "bool", "offset", "atan2"]);

type Token = { readonly kind: "name" | "text" | "sign"; readonly value: string };

function tokens(expression: string): readonly Token[] {
  const found: Token[] = [];
  // durations and numbers are left out, strings keep no quotes
  const pattern = /"((?:[^"\\]|\\.)*)"|([A-Za-z_:][\w:]*)|\d[\w.]*|([^\s\w])/g;
  for (const [, text, name, sign] of expression.matchAll(pattern)) {
    if (text !== undefined) found.push({ kind: "text", value: text });
    else if (name !== undefined) found.push({ kind: "name", value: name });
    else if (sign !== undefined) found.push({ kind: "sign", value: sign });
  }
  return found;
}

/** Every metric and label that an expression names. */
export function namesIn(expression: string): Names {
  const all = tokens(expression);
  const signAt = (i: number, sign: string): boolean => all[i]?.kind === "sign" && all[i].value === sign;
  const until = (from: number, sign: string): readonly Token[] => {
    let to = from;
    while (to < all.length && !signAt(to, sign)) to++;
    return all.slice(from, to);
  };
  const selectors: Selector[] = [];
  const labels: string[] = [];
  const made: string[] = [];
  for (let i = 0; i < all.length; i++) {
    const token = all[i];
    if (token?.kind !== "name" || operators.has(token.value)) continue;
    if (words.has(token.value)) {
      const list = until(i + 2, ")");
      labels.push(...list.filter(({ kind }) => kind === "name").map(({ value }) => value));
      i += 2 + list.length;
    } else if (signAt(i + 1, "(") || ["by", "without"].includes(all[i + 1]?.value ?? "")) {
      // a function or an aggregation
      if (token.value === "label_replace") {
        const [target, , source] = lastStrings(all, i);
        if (target !== undefined) made.push(target);
        if (source !== undefined) labels.push(source);
      }
    } else {
      const matchers = signAt(i + 1, "{") ? until(i + 2, "}") : [];
      selectors.push({ metric: token.value, labels: matchersOf(matchers) });
      i += matchers.length === 0 ? 0 : matchers.length + 2;
    }
  }
  return { selectors, labels, made };
}

/** The last four strings of the call that begins at `at`: its own arguments, not those of matchers inside it. */
function lastStrings(all: readonly Token[], at: number): readonly string[] {
  let depth = 0;
  for (let i = at + 1; i < all.length; i++) {
    const token = all[i];
    if (token?.kind !== "sign") continue;
    if (token.value === "(") depth++;
    if (token.value === ")" && --depth === 0) {
      return all
        .slice(at, i)
        .filter(({ kind }) => kind === "text")
        .slice(-4)
        .map(({ value }) => value);
    }
  }
  return [];
}

function matchersOf(list: readonly Token[]): Selector["labels"] {
  return list.flatMap((token, i) => {
    if (token.kind !== "name") return [];
    const rest = list.slice(i + 1);
    const text = rest.findIndex(({ kind }) => kind === "text");
    const operator = rest.slice(0, text).map(({ value }) => value);
    return [{ name: token.value, operator: operator.join(""), value: rest[text]?.value ?? "" }];
  });
}
