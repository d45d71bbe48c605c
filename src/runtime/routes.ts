import type { Route, WebRequest, WebResponse } from "../kit/webhook.ts";
import type { Clock } from "../lib/clock.ts";
import { messageOf, TideError } from "../lib/errors.ts";

/** A route that lives: what the manifest says, and who answers. */
export interface LiveRoute {
  readonly route: Route;
  readonly handle: (request: WebRequest) => Promise<WebResponse>;
}

/** What a request line comes to. */
export type Found =
  | { readonly live: LiveRoute }
  | { readonly status: 404 }
  /** Served until a moment ago. */
  | { readonly status: 503 }
  | { readonly status: 405; readonly allow: string };

/** A path with variables, compiled. */
export interface Pattern {
  matches(path: string): boolean;
}

type Methods = Map<string, LiveRoute>;

/**
 * So long after its last route went a path is answered with 503, not 404: it is probably restarted or reloaded, and some
 * senders (SNS among them) never try again after a 404.
 */
const restartMs = 30_000;

/**
 * The routes of one port: exact paths in a map, `{var}` paths in a list that is tried in order of arrival, as
 * gorilla/mux does with `Path()` (reference 1.4). A path has one route per method, or one for all.
 */
export class RouteTable {
  readonly #clock: Clock;
  /** When each path was last served, of those that are served no more. */
  readonly #left = new Map<string, number>();
  readonly #exact = new Map<string, Methods>();
  readonly #patterns: { readonly path: string; readonly pattern: Pattern; readonly methods: Methods }[] = [];

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get size(): number {
    return this.#exact.size + this.#patterns.length;
  }

  /** Takes the route in; what it returns takes it out again. Throws ROUTE_TAKEN. */
  add(live: LiveRoute, pattern: Pattern | undefined): () => void {
    const { path, method = "*" } = live.route;
    const methods = this.#methodsAt(path, pattern);
    const rival = methods.get(method) ?? (method === "*" ? methods.values().next().value : methods.get("*"));
    if (rival !== undefined) {
      throw new TideError(
        "ROUTE_TAKEN",
        `${method} ${path} on port ${live.route.port} is served for ${rival.route.owner}`,
      );
    }
    methods.set(method, live);
    this.#left.delete(path);
    return () => {
      methods.delete(method);
      if (methods.size > 0) return;
      this.#leave(path);
      if (pattern === undefined) this.#exact.delete(path);
      else
        this.#patterns.splice(
          this.#patterns.findIndex((entry) => entry.methods === methods),
          1,
        );
    };
  }

  #leave(path: string): void {
    const nowMs = this.#clock.nowMs();
    for (const [old, atMs] of this.#left) if (nowMs - atMs > restartMs) this.#left.delete(old);
    this.#left.set(path, nowMs);
  }

  #methodsAt(path: string, pattern: Pattern | undefined): Methods {
    if (pattern === undefined) {
      const known: Methods = this.#exact.get(path) ?? new Map();
      this.#exact.set(path, known);
      return known;
    }
    const known = this.#patterns.find((entry) => entry.path === path);
    if (known !== undefined) return known.methods;
    const methods: Methods = new Map();
    this.#patterns.push({ path, pattern, methods });
    return methods;
  }

  /** The routes of all methods of a path. */
  at(path: string): readonly Route[] {
    return [...(this.#methodsOf(path)?.values() ?? [])].map(({ route }) => route);
  }

  #methodsOf(path: string): Methods | undefined {
    return this.#exact.get(path) ?? this.#patterns.find(({ pattern }) => pattern.matches(path))?.methods;
  }

  find(method: string, path: string): Found {
    const methods = this.#methodsOf(path);
    if (methods === undefined) {
      const leftMs = this.#left.get(path);
      return { status: leftMs !== undefined && this.#clock.nowMs() - leftMs <= restartMs ? 503 : 404 };
    }
    const live = methods.get(method) ?? methods.get("*");
    return live === undefined ? { status: 405, allow: [...methods.keys()].sort().join(", ") } : { live };
  }

  owners(): readonly string[] {
    const all = [...this.#exact.values(), ...this.#patterns.map(({ methods }) => methods)];
    return all.flatMap((methods) => [...methods.values()].map(({ route }) => route.owner));
  }
}

/**
 * The pattern of a path with variables: `{name}` is one segment, `{name:regexp}` what the RE2 expression matches.
 * undefined for an exact path. Rejects with ROUTE_INVALID.
 */
export async function compilePath(path: string): Promise<Pattern | undefined> {
  if (!path.includes("{")) return undefined;
  const { RE2JS } = await import("re2js");
  let source = "";
  let rest = path;
  for (let open = rest.indexOf("{"); open >= 0; open = rest.indexOf("{")) {
    const close = closingBrace(rest, open);
    if (close < 0) throw new TideError("ROUTE_INVALID", `the path ${path} has a "{" without its "}"`);
    const variable = rest.slice(open + 1, close);
    const colon = variable.indexOf(":");
    source += `${RE2JS.quote(rest.slice(0, open))}(?:${colon < 0 ? "[^/]+" : variable.slice(colon + 1)})`;
    rest = rest.slice(close + 1);
  }
  try {
    const expression = RE2JS.compile(`^${source}${RE2JS.quote(rest)}$`);
    return { matches: (candidate) => expression.matches(candidate) };
  } catch (error) {
    throw new TideError("ROUTE_INVALID", `the path ${path} cannot be compiled: ${messageOf(error)}`, { cause: error });
  }
}

function closingBrace(text: string, open: number): number {
  let depth = 0;
  for (let i = open; i < text.length; i++) {
    if (text[i] === "{") depth++;
    else if (text[i] === "}" && --depth === 0) return i;
  }
  return -1;
}

/** The path of a request target, percent-escapes decoded; undefined when they are malformed. */
export function decodedPath(path: string): string | undefined {
  if (!path.includes("%")) return path;
  try {
    return decodeURIComponent(path);
  } catch {
    return undefined;
  }
}

/** Where gorilla/mux redirects an unclean path (`//`, `/./`, `/../`) to; undefined when the path is clean. */
export function cleanPath(path: string): string | undefined {
  if (!/\/\/|\/\.\.?(\/|$)/.test(path)) return undefined;
  const kept: string[] = [];
  for (const segment of path.split("/")) {
    if (segment === "..") kept.pop();
    else if (segment !== "" && segment !== ".") kept.push(segment);
  }
  return `/${kept.join("/")}${path.endsWith("/") && kept.length > 0 ? "/" : ""}`;
}
