import { invalid, unsupported } from "../pratt.ts";
import { OPERATORS } from "./arithmetic.ts";
import { builtinsList, definitionOf, MISSING, nativesOf, specialNamed } from "./builtins.ts";
import { type Callee, callClosure, callFunction } from "./calls.ts";
import { constantKey, constantPath, constantSlice, variablesOf } from "./constants.ts";
import { alternative, condition, foreach, guarded, reduce } from "./control.ts";
import { arrayOf, binary, callNative, joinedText, objectOf } from "./evaluate.ts";
import { breakTo, labelled } from "./labels.ts";
import { always, envAt, type Node } from "./machine.ts";
import * as nodes from "./nodes.ts";
import {
  bindParts,
  bindVariable,
  bound,
  boundAlternatives,
  computedPart,
  type Destructuring,
  elementPart,
  memberPart,
  type Part,
} from "./patterns.ts";
import { depthOf, distanceTo, functionNamed, type Scope, withFunction, withPlace } from "./scope.ts";
import type { Definition, Pattern, Query, TextPart } from "./syntax.ts";
import { assign, assignAt, modify, modifyBy } from "./updates.ts";
import { iterate, recurse } from "./walks.ts";

const TRUE = nodes.constant(true);
const FALSE = nodes.constant(false);
const NULL = nodes.constant(null);

/** Turns a program into nodes; EXPRESSION_INVALID for what it names that is not there. */
export class Compiler {
  /** Functions that are written in jq, compiled when the program first calls them. */
  readonly #definitions = new Map<string, Callee>();
  readonly #native = nativesOf();

  compile(query: Query, scope: Scope): Node {
    switch (query.type) {
      case "identity":
        return nodes.identity;
      case "recurse":
        return recurse;
      case "literal":
        return nodes.constant(query.value);
      case "text":
        return this.#text(query.parts, query.format, scope);
      case "format":
        return this.#format(query.name);
      case "variable":
        return this.#variable(query.name, query.at, scope);
      case "call":
        return this.#call(query, scope);
      case "object":
        return this.#object(query, scope);
      case "array":
        return query.body === undefined ? nodes.constant([]) : arrayOf(this.compile(query.body, scope));
      case "define":
        return this.compile(query.body, this.#define(query.func, scope));
      case "break": {
        const distance = distanceTo(scope, query.name, "label");
        if (distance === undefined) throw invalid(`label not defined: ${query.name}`, query.at);
        return breakTo(distance);
      }
      default:
        return this.#compound(query, scope);
    }
  }

  #compound(query: Query, scope: Scope): Node {
    const part = (inner: Query): Node => this.compile(inner, scope);
    switch (query.type) {
      case "index":
        return this.#index(query, scope);
      case "slice":
        return this.#slice(query, scope);
      case "iterate":
        return nodes.pipe(part(query.target), iterate);
      case "try":
        return guarded(part(query.body), query.handler && part(query.handler));
      case "sign":
        return this.#sign(query.sign, query.body, scope);
      case "if":
        return condition(
          part(query.condition),
          part(query.then),
          query.else === undefined ? nodes.identity : part(query.else),
        );
      case "pipe":
        return nodes.pipe(part(query.left), part(query.right));
      case "comma":
        return nodes.comma(part(query.left), part(query.right));
      case "alternative":
        return alternative(part(query.left), part(query.right));
      case "and":
        return condition(part(query.left), condition(part(query.right), TRUE, FALSE), FALSE);
      case "or":
        return condition(part(query.left), TRUE, condition(part(query.right), TRUE, FALSE));
      case "operator":
        return this.#operator(query, scope);
      case "update":
        return this.#update(query, scope);
      default:
        return this.#binder(query, scope);
    }
  }

  #binder(query: Query, scope: Scope): Node {
    switch (query.type) {
      case "bind":
        return this.#bind(query, scope);
      case "label":
        return labelled(this.compile(query.body, withPlace(scope, query.name, "label")));
      case "reduce":
      case "foreach": {
        const source = this.compile(query.source, scope);
        const start = this.compile(query.start, scope);
        const { pattern, scope: inner } = this.#pattern(query.pattern, scope);
        const fold = { source, binding: pattern.bind, start, update: this.compile(query.update, inner) };
        if (query.type === "reduce") return reduce(fold);
        return foreach({ ...fold, extract: query.extract && this.compile(query.extract, inner) });
      }
      default:
        throw new TypeError(`no node for ${query.type}`);
    }
  }

  #operator(query: Query & { type: "operator" }, scope: Scope): Node {
    return binary(OPERATORS[query.operator], this.compile(query.left, scope), this.compile(query.right, scope));
  }

  #index(query: Query & { type: "index" }, scope: Scope): Node {
    const target = this.compile(query.target, scope);
    const key = constantKey(query.key);
    if (key !== undefined) return nodes.pipe(target, nodes.indexConstant(key));
    return nodes.indexBy(target, this.compile(query.key, scope));
  }

  #slice(query: Query & { type: "slice" }, scope: Scope): Node {
    const target = this.compile(query.target, scope);
    const key = constantSlice(query);
    if (key !== undefined) return nodes.pipe(target, nodes.indexConstant(key));
    const start = query.start === undefined ? NULL : this.compile(query.start, scope);
    const end = query.end === undefined ? NULL : this.compile(query.end, scope);
    return nodes.sliceBy(target, start, end);
  }

  #sign(sign: "+" | "-", body: Query, scope: Scope): Node {
    const native = this.#native(sign === "-" ? "_negate" : "_plus", 0);
    const node = this.compile(body, scope);
    if (native === undefined) return node;
    if (body.type === "literal" && typeof body.value === "bigint" && sign === "-") return nodes.constant(-body.value);
    return nodes.pipe(node, callNative(native, []));
  }

  #text(parts: readonly TextPart[], format: string | undefined, scope: Scope): Node {
    const shown = this.#format(format ?? "@text");
    const compiled = parts.map((part) =>
      typeof part === "string" ? nodes.constant(part) : nodes.pipe(this.compile(part, scope), shown),
    );
    return compiled.length === 1 && compiled[0] !== undefined ? compiled[0] : joinedText(compiled);
  }

  #format(name: string): Node {
    const native = this.#native("format", 1);
    if (native === undefined) throw new TypeError("no format");
    return callNative(native, [nodes.constant(name.slice(1))]);
  }

  #object(query: Query & { type: "object" }, scope: Scope): Node {
    const entries = query.entries.map(({ key, value }) => {
      if (typeof key !== "string" && key.type === "text" && value.type === "index" && value.key === key) {
        return { key: this.compile(key, scope), value: undefined };
      }
      return {
        key: typeof key === "string" ? nodes.constant(key) : this.compile(key, scope),
        value: this.compile(value, scope),
      };
    });
    return objectOf(entries);
  }

  #variable(name: string, at: number, scope: Scope): Node {
    const distance = distanceTo(scope, name, "variable");
    if (distance !== undefined) return always((_value, env) => envAt(env, distance)?.value ?? null);
    if (name === "$ENV") return nodes.constant({});
    throw invalid(`variable not defined: ${name}`, at);
  }

  #call(query: Query & { type: "call" }, scope: Scope): Node {
    const { name, args, at } = query;
    const found = functionNamed(scope, name, args.length);
    if (found !== undefined && "closure" in found) return callClosure(found.closure);
    const compiled = args.map((arg) => this.compile(arg, scope));
    if (found !== undefined) return callFunction(found.callee, compiled, found.distance);
    if (name === "env" && args.length === 0) return nodes.constant({});
    if (name === "builtins" && args.length === 0) return nodes.constant(builtinsList());
    const special = specialNamed(name, args.length);
    if (special !== undefined) return special(compiled);
    const native = this.#native(name, args.length);
    if (native !== undefined) return callNative(native, compiled);
    return this.#builtin({ name, at }, compiled, scope);
  }

  #builtin({ name, at }: { name: string; at: number }, args: readonly Node[], scope: Scope): Node {
    if (name === "input" || name === "inputs") throw invalid("input(s)/0 is not allowed", at);
    const key = `${name}/${args.length}`;
    if (MISSING.has(key)) throw unsupported(`the function ${key} is not supported`, at);
    const definition = definitionOf(key);
    if (definition === undefined) throw invalid(`function not defined: ${key}`, at);
    let callee = this.#definitions.get(key);
    if (callee === undefined) {
      callee = { body: undefined, depth: 0, params: paramsOf(definition) };
      this.#definitions.set(key, callee);
      callee.body = this.#body(definition, callee, null);
    }
    return callFunction(callee, args, depthOf(scope));
  }

  #define(func: Definition, scope: Scope): Scope {
    const callee: Callee = { body: undefined, depth: depthOf(scope), params: paramsOf(func) };
    callee.body = this.#body(func, callee, scope);
    return withFunction(scope, func.name, func.params.length, callee);
  }

  #body(func: Definition, callee: Callee, scope: Scope): Node {
    let inner = withFunction(scope, func.name, func.params.length, callee);
    for (const param of func.params) inner = withPlace(inner, param.replace("$", ""), "closure");
    for (const param of func.params) if (param.startsWith("$")) inner = withPlace(inner, param, "variable");
    return this.compile(func.body, inner);
  }

  #update(query: Query & { type: "update" }, scope: Scope): Node {
    const { operator } = query;
    const value = this.compile(query.right, scope);
    if (operator === "=") {
      const path = constantPath(query.left);
      if (path !== undefined) return assignAt(path, value);
      return assign(this.compile(query.left, scope), value);
    }
    const target = this.compile(query.left, scope);
    if (operator === "|=") return modify(target, value);
    if (operator === "//=")
      return modifyBy(target, (left, right) => (left === null || left === false ? right : left), value);
    const name = operator.charAt(0) as "+" | "-" | "*" | "/" | "%";
    return modifyBy(target, OPERATORS[name], value);
  }

  #bind(query: Query & { type: "bind" }, scope: Scope): Node {
    const source = this.compile(query.source, scope);
    const [only, ...others] = query.patterns;
    if (only !== undefined && others.length === 0) {
      const { pattern, scope: inner } = this.#pattern(only, scope);
      return bound(source, pattern, this.compile(query.body, inner));
    }
    const compiled = query.patterns.map((pattern) => this.#pattern(pattern, scope));
    const names = [...new Set(query.patterns.flatMap(variablesOf))];
    const patterns = compiled.map(({ pattern, scope: inner }) => ({
      pattern,
      layout: names.map((name) => {
        const own = isBoundSince(inner, scope, name) ? distanceTo(inner, name, "variable") : undefined;
        return own ?? -1;
      }),
    }));
    const inner = names.reduce((outer, name) => withPlace(outer, name, "variable"), scope);
    return boundAlternatives(source, patterns, this.compile(query.body, inner));
  }

  #pattern(pattern: Pattern, scope: Scope): { pattern: Destructuring; scope: Scope } {
    if (pattern.type === "variable") {
      return { pattern: bindVariable(), scope: withPlace(scope, pattern.name, "variable") };
    }
    const parts: { part: Part; inner: Destructuring }[] = [];
    let inner = scope;
    const append = (part: Part, next: Pattern): void => {
      const compiled = this.#pattern(next, inner);
      parts.push({ part, inner: compiled.pattern });
      inner = compiled.scope;
    };
    if (pattern.type === "array") {
      for (const [place, item] of pattern.items.entries()) append(elementPart(place), item);
    } else {
      for (const { key, name, pattern: next } of pattern.entries) {
        const part = typeof key === "string" ? memberPart(key) : computedPart(this.compile(key, inner));
        if (name !== undefined) append(part, { type: "variable", name });
        if (next !== undefined) append(part, next);
      }
    }
    return { pattern: bindParts(parts), scope: inner };
  }
}

function paramsOf(func: Definition): { isValue: boolean }[] {
  return func.params.map((param) => ({ isValue: param.startsWith("$") }));
}

function isBoundSince(scope: Scope, outer: Scope, name: string): boolean {
  for (let at = scope; at !== outer && at !== null; at = at.up) if (at.name === name) return true;
  return false;
}
