import {
  any,
  anyMap,
  array,
  bool,
  duration,
  float,
  int,
  isAssignable,
  isNumber,
  string,
  strings,
  type Type,
  time,
  typeName,
} from "./types.ts";

/** What a built-in takes and gives: lists of parameters, or a check of its own that answers with a complaint. */
type Signature =
  | { readonly overloads: readonly (readonly Type[])[]; readonly result: Type }
  | { readonly check: (args: readonly Type[]) => Type | string };

function takes(result: Type, ...overloads: (readonly Type[])[]): Signature {
  return { overloads, result };
}

/** One or more arguments whose kinds are checked; `any` always fits. */
function check(
  accepted: readonly (readonly Type["kind"][])[],
  result: Type | ((args: readonly Type[]) => Type),
  least = accepted.length,
): Signature {
  return {
    check(args) {
      if (args.length < least || args.length > accepted.length) {
        const range = least === accepted.length ? `${least}` : `${least} or ${accepted.length}`;
        return `takes ${range} argument${range === "1" ? "" : "s"}, not ${args.length}`;
      }
      for (const [index, arg] of args.entries()) {
        if (arg.kind !== "any" && !accepted[index]?.includes(arg.kind)) return `does not take a ${typeName(arg)}`;
      }
      return typeof result === "function" ? result(args) : result;
    },
  };
}

function extreme(args: readonly Type[]): Type | string {
  const [first] = args;
  if (first === undefined) return "needs an argument";
  for (const arg of args) {
    if (arg.kind === "any") return any;
    if (!isNumber(arg)) return `does not take a ${typeName(arg)}`;
  }
  return first;
}

function elementOf(args: readonly Type[]): Type {
  return args[0]?.kind === "array" ? args[0].elem : any;
}

const number = ["int", "float"] as const;
const maps = ["map"] as const;
const arrays = ["array"] as const;

const signatures: ReadonlyMap<string, Signature> = new Map<string, Signature>([
  ["len", check([["array", "map", "string"]], int)],
  ["type", takes(string, [any])],
  ["abs", check([number], (args) => args[0] ?? any)],
  ["ceil", check([number], float)],
  ["floor", check([number], float)],
  ["round", check([number], float)],
  ["int", check([["int", "float", "string"]], int)],
  ["float", check([["int", "float", "string"]], float)],
  ["string", takes(string, [any])],
  ["trim", takes(string, [string], [string, string])],
  ["trimPrefix", takes(string, [string, string], [string])],
  ["trimSuffix", takes(string, [string, string], [string])],
  ["upper", takes(string, [string])],
  ["lower", takes(string, [string])],
  ["split", takes(strings, [string, string], [string, string, int])],
  ["splitAfter", takes(strings, [string, string], [string, string, int])],
  ["replace", takes(string, [string, string, string, int], [string, string, string])],
  ["repeat", takes(string, [string, int])],
  ["join", takes(string, [strings, string], [array, string], [array], [strings])],
  ["indexOf", takes(int, [string, string])],
  ["lastIndexOf", takes(int, [string, string])],
  ["hasPrefix", takes(bool, [string, string])],
  ["hasSuffix", takes(bool, [string, string])],
  ["max", { check: extreme }],
  ["min", { check: extreme }],
  ["sum", check([arrays], any)],
  ["mean", check([arrays], float)],
  ["median", check([arrays], float)],
  ["toJSON", takes(string, [any])],
  ["fromJSON", takes(any, [string])],
  ["toBase64", takes(string, [string])],
  ["fromBase64", takes(string, [string])],
  ["now", takes(time, [])],
  ["duration", takes(duration, [string])],
  ["date", takes(time, [string], [string, string], [string, string, string])],
  ["first", check([arrays], elementOf)],
  ["last", check([arrays], elementOf)],
  [
    "get",
    check(
      [
        ["array", "map"],
        ["int", "string", "float", "bool", "array", "map", "time", "duration"],
      ],
      getResult,
    ),
  ],
  ["take", check([arrays, ["int"]], (args) => args[0] ?? any)],
  ["keys", check([maps], array)],
  ["values", check([maps], array)],
  ["toPairs", check([maps], array)],
  ["fromPairs", check([arrays], anyMap)],
  ["sort", check([arrays, ["string"]], array, 1)],
  ["sortBy", check([arrays, ["string"], ["string"]], array, 2)],
]);

function getResult([from]: readonly Type[]): Type {
  return from?.kind === "array" || from?.kind === "map" ? from.elem : any;
}

/** Built-ins that take a closure; the parser alone knows how to read their calls. */
export const closureBuiltins: ReadonlySet<string> = new Set(
  "all none any one filter map count find findIndex findLast findLastIndex groupBy reduce".split(" "),
);

/** Whether a call of this name is a built-in that takes no closure. */
export function isBuiltin(name: string): boolean {
  return signatures.has(name);
}

/** The names of all built-ins but those with a closure. */
export function builtinNames(): Iterable<string> {
  return signatures.keys();
}

/** The type of a call, or what is wrong with it. */
export function callType(name: string, args: readonly Type[]): Type | string {
  const signature = signatures.get(name);
  if (signature === undefined) return "is not a built-in";
  if ("check" in signature) return signature.check(args);
  const { overloads, result } = signature;
  if (overloads.some((params) => fits(args, params))) return result;
  const counts = [...new Set(overloads.map((params) => params.length))].sort((a, b) => a - b);
  if (!counts.includes(args.length)) return `takes ${counts.join(" or ")} arguments, not ${args.length}`;
  return `does not take (${args.map(typeName).join(", ")})`;
}

/** nil goes through the checker and fails at evaluation. */
function fits(args: readonly Type[], params: readonly Type[]): boolean {
  if (args.length !== params.length) return false;
  return params.every((param, index) => {
    const arg = args[index] ?? any;
    return arg.kind === "nil" || arg.kind === "any" || isAssignable(arg, param);
  });
}
