/**
 * `tidemill/expressions`: the languages of Argo Events manifests, usable alone. Pure: no I/O, no clock and no randomness but
 * what is passed in, nothing kept between calls but what was compiled.
 *
 * Each language is one value. `compile(text)` reads an expression once and throws an ExpressionError (EXPRESSION_INVALID or
 * EXPRESSION_UNSUPPORTED, with `position`, the offset in UTF-16 units) for one that can never work; what it gives is used on
 * any number of data and throws EXPRESSION_FAILED where it cannot be evaluated. Time and memory are bounded for any
 * expression on any data. `docs/specs/expressions.md` has an example, the limits and what is missing for each.
 */
import { parseConditions } from "./conditions.ts";
import { compileEventPattern } from "./event-pattern.ts";
import { compileExpr } from "./expr-lang.ts";
import { compileFilterExpr } from "./expr-sprig.ts";
import { asBool, asNumber, asString, asValue, compilePath, get, isValid } from "./gjson.ts";
import { compileRegexp } from "./go-regexp.ts";
import { compileTemplate } from "./go-template.ts";
import { compileGovaluate } from "./govaluate.ts";
import { compileJq } from "./jq.ts";
import { queryJsonPath } from "./jsonpath.ts";
import { compileLua } from "./lua.ts";
import { setRaw, setString } from "./sjson.ts";

export type { ConditionNode, Conditions } from "./conditions.ts";
export { type EventPattern, type PatternClause, PatternError, type PatternPath } from "./event-pattern.ts";
export type { Expr, ExprOptions } from "./expr-lang.ts";
export type { FilterExpr } from "./expr-sprig.ts";
export { ExpressionError } from "./fault.ts";
export type { GjsonPath, GjsonResult } from "./gjson.ts";
export type { GoRegexp } from "./go-regexp.ts";
export type { GoTemplate, TemplateContext, TemplateData, TemplateOptions } from "./go-template.ts";
export type { Govaluate } from "./govaluate.ts";
export type { Jq, JqOptions } from "./jq.ts";
export type { LuaOptions, LuaScript } from "./lua.ts";

/** tidwall/gjson 1.19.0, the paths of data filters and parameters: `get(json, compile(path))`, then `asString` and its kin. */
export const gjson = { compile: compilePath, get, asBool, asNumber, asString, asValue, isValid } as const;

/** tidwall/sjson 1.2.5, the `dest` of parameters: `setRaw(json, path, json)` and `setString(json, path, text)`. */
export const sjson = { setRaw, setString } as const;

/** Go's text/template with sprig 3.3.0: templates of parameters and data filters. */
export const template = { compile: compileTemplate } as const;

/** govaluate 9aa49832: `exprs` of a sensor's filters. */
export const govaluate = { compile: compileGovaluate } as const;

/**
 * antonmedv/expr 1.15.5. `compileFilter` is `filter.expression` of an event source, with sprig and `now()`; `compile` is the
 * language with what its options give.
 */
export const expr = { compile: compileExpr, compileFilter: compileFilterExpr } as const;

/** evilmonkeyinc/jsonpath 0.8.1, the function `jsonpath` of expr: `query(json, path)`. */
export const jsonpath = { query: queryJsonPath } as const;

/** gojq 0.12.19: `transform.jq` of a dependency. */
export const jq = { compile: compileJq } as const;

/** Lua 5.1 as gopher-lua 1.1.2 has it: `transform.script` of a dependency and `filters.script`. */
export const lua = { compile: compileLua } as const;

/** Regular expressions of Go (RE2), in linear time. */
export const regexp = { compile: compileRegexp } as const;

/** `conditions` of a sensor's triggers. */
export const conditions = { compile: parseConditions } as const;

/** Event patterns of Amazon EventBridge. */
export const eventPattern = { compile: compileEventPattern } as const;
