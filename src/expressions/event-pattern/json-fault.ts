const token =
  /[\t\n\r ]*(?:([{}[\],:])|("(?:[ !#-[\]-\uffff]|\\(?:["\\/bfnrt]|u[\da-fA-F]{4}))*")|(-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null))/y;

type State = "value" | "value or ]" | "key" | "key or }" | ":" | "end of value";

/** Where a text that is no JSON stops being JSON: the offset of the first word or sign that cannot stand there. */
export function jsonFault(text: string): number {
  const open: ("{" | "[")[] = [];
  let state: State = "value";
  for (let at = 0; ; at = token.lastIndex) {
    token.lastIndex = at;
    const found = token.exec(text);
    const start = at + (/^[\t\n\r ]*/.exec(text.slice(at))?.[0].length ?? 0);
    if (found === null) return start;
    const next = step(state, found, open);
    if (next === undefined) return start;
    state = next;
  }
}

/** What may come after this token; undefined when it cannot stand here. */
function step(state: State, [, sign, string]: RegExpExecArray, open: ("{" | "[")[]): State | undefined {
  if (sign === "}" || sign === "]") {
    const opener = sign === "}" ? "{" : "[";
    const may = state === "end of value" || state === (sign === "}" ? "key or }" : "value or ]");
    return may && open.pop() === opener ? "end of value" : undefined;
  }
  if (state === ":") return sign === ":" ? "value" : undefined;
  if (state === "end of value") {
    if (sign !== ",") return undefined;
    return open.at(-1) === "{" ? "key" : open.at(-1) === "[" ? "value" : undefined;
  }
  if (state === "key" || state === "key or }") return string === undefined ? undefined : ":";
  if (sign === undefined) return "end of value";
  if (sign !== "{" && sign !== "[") return undefined;
  open.push(sign);
  return sign === "{" ? "key or }" : "value or ]";
}
