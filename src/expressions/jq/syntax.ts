import type { Value } from "./value.ts";

/** A program as read. `at` is the UTF-16 offset where a name stands, for what can only be refused when compiling. */
export type Query =
  | { readonly type: "identity" | "recurse" }
  | { readonly type: "literal"; readonly value: Value }
  | { readonly type: "text"; readonly parts: readonly TextPart[]; readonly format: string | undefined }
  | { readonly type: "format"; readonly name: string }
  | { readonly type: "index"; readonly target: Query; readonly key: Query }
  | {
      readonly type: "slice";
      readonly target: Query;
      readonly start: Query | undefined;
      readonly end: Query | undefined;
    }
  | { readonly type: "iterate"; readonly target: Query }
  | { readonly type: "try"; readonly body: Query; readonly handler: Query | undefined }
  | { readonly type: "sign"; readonly sign: "+" | "-"; readonly body: Query }
  | { readonly type: "call"; readonly name: string; readonly args: readonly Query[]; readonly at: number }
  | { readonly type: "variable"; readonly name: string; readonly at: number }
  | { readonly type: "object"; readonly entries: readonly Entry[] }
  | { readonly type: "array"; readonly body: Query | undefined }
  | { readonly type: "if"; readonly condition: Query; readonly then: Query; readonly else: Query | undefined }
  | {
      readonly type: "reduce";
      readonly source: Query;
      readonly pattern: Pattern;
      readonly start: Query;
      readonly update: Query;
    }
  | {
      readonly type: "foreach";
      readonly source: Query;
      readonly pattern: Pattern;
      readonly start: Query;
      readonly update: Query;
      readonly extract: Query | undefined;
    }
  | { readonly type: "label"; readonly name: string; readonly body: Query }
  | { readonly type: "break"; readonly name: string; readonly at: number }
  | { readonly type: "pipe" | "comma" | "alternative" | "and" | "or"; readonly left: Query; readonly right: Query }
  | { readonly type: "operator"; readonly operator: Operator; readonly left: Query; readonly right: Query }
  | { readonly type: "update"; readonly operator: UpdateOperator; readonly left: Query; readonly right: Query }
  | { readonly type: "bind"; readonly source: Query; readonly patterns: readonly Pattern[]; readonly body: Query }
  | { readonly type: "define"; readonly func: Definition; readonly body: Query };

export type Operator = "+" | "-" | "*" | "/" | "%" | "==" | "!=" | "<" | "<=" | ">" | ">=";
export type UpdateOperator = "=" | "|=" | "+=" | "-=" | "*=" | "/=" | "%=" | "//=";

/** A piece of a string as it is, or a query whose outputs are put in. */
export type TextPart = string | Query;

export interface Entry {
  readonly key: string | Query;
  /** Absent: the member of that name (`{a}`), or for a variable its value (`{$x}`). */
  readonly value: Query;
}

export type Pattern =
  | { readonly type: "variable"; readonly name: string }
  | { readonly type: "array"; readonly items: readonly Pattern[] }
  | { readonly type: "object"; readonly entries: readonly PatternEntry[] };

export interface PatternEntry {
  readonly key: string | Query;
  /** `$name`: binds the member itself, besides what `pattern` takes out of it. */
  readonly name: string | undefined;
  readonly pattern: Pattern | undefined;
}

export interface Definition {
  readonly name: string;
  /** `f` or `$f`. */
  readonly params: readonly string[];
  readonly body: Query;
}
