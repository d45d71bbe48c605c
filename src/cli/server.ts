import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Problem } from "../console/problems.ts";
import { codeOf, messageOf, TideError } from "../lib/errors.ts";
import type { ServerOptions } from "./options.ts";

/** The admin API of a running tidemill, as a verb talks to it. */
export interface Server {
  readonly url: string;
  get<T>(path: string, query?: QueryValues): Promise<T>;
  post<T>(path: string, body: string | Uint8Array, query?: QueryValues): Promise<T>;
  delete<T>(path: string, query?: QueryValues): Promise<T>;
  /** The lines of an answer as they come; ends when the server does, or at the abort. */
  lines(path: string, query: QueryValues, signal: AbortSignal): AsyncIterable<string>;
}

/** Names and values of a query; what is undefined or false is left out. */
export type QueryValues = object;

/** What the server refused, with its own code and fix. */
export class ServerProblem extends Error {
  readonly problem: Problem;

  constructor(problem: Problem) {
    super(problem.detail);
    this.name = "ServerProblem";
    this.problem = problem;
  }
}

/** Written by `run` into its data folder, and removed at its end. */
export interface AdminFile {
  readonly url: string;
  readonly pid: number;
}

export function adminFile(dataDir: string): string {
  return join(dataDir, "admin.json");
}

/** Beside it: the token of a run that asks for tokens, for this user's verbs. */
export function adminTokenFile(dataDir: string): string {
  return join(dataDir, "admin.token");
}

/**
 * Finds the server by `--admin` or TIDEMILL_ADMIN, then by `<data-dir>/admin.json`. The token beside that file goes to that
 * server alone. Rejects with NO_SERVER.
 */
export async function findServer(options: ServerOptions): Promise<Server> {
  const { token } = options;
  if (options.admin !== undefined) return serverAt(options.admin, { token, gone: "" });
  const file = adminFile(options.dataDir);
  const found = await readAdminFile(file);
  if (found === undefined)
    throw new TideError("NO_SERVER", `${file} is not there: no tidemill runs with this data folder`);
  const stale = `; ${file} was left behind by process ${found.pid}, which ended without removing it`;
  return serverAt(found.url, { token: token ?? (await readTokenFile(options.dataDir)), gone: stale });
}

async function readTokenFile(dataDir: string): Promise<string | undefined> {
  try {
    return (await readFile(adminTokenFile(dataDir), "utf8")).trim();
  } catch {
    // there is one only where tokens are asked for, and the server says what is missing
    return undefined;
  }
}

async function readAdminFile(file: string): Promise<AdminFile | undefined> {
  let text: string;
  try {
    text = await readFile(file, "utf8");
  } catch (cause) {
    if (codeOf(cause) === "ENOENT" || codeOf(cause) === "ENOTDIR") return undefined;
    throw new TideError("NO_SERVER", `reading ${file}`, { cause });
  }
  try {
    const { url, pid } = JSON.parse(text) as Partial<AdminFile>;
    if (typeof url === "string" && typeof pid === "number") return { url, pid };
  } catch {
    // told below, with the file's name
  }
  throw new TideError("NO_SERVER", `${file} names no server; remove it, and run tidemill again`);
}

interface Reached {
  readonly token: string | undefined;
  /** What to add when nobody answers. */
  readonly gone: string;
}

function serverAt(given: string, { token, gone }: Reached): Server {
  const base = baseUrl(given);
  const identity = authorizationOf(token);
  const urlOf = (path: string, query: QueryValues): URL => {
    const url = new URL(`/api/v1${path}`, base);
    for (const [key, value] of Object.entries(query)) {
      if (value !== undefined && value !== false) url.searchParams.set(key, String(value));
    }
    return url;
  };
  const call = async <T>(
    method: string,
    path: string,
    more: { query?: QueryValues; body?: string | Uint8Array },
  ): Promise<T> => {
    const url = urlOf(path, more.query ?? {});
    const headers = { ...identity, ...(more.body === undefined ? {} : { "content-type": "application/json" }) };
    const body = more.body === undefined ? {} : { body: more.body as string | Uint8Array<ArrayBuffer> };
    let response: Response;
    try {
      response = await fetch(url, { method, headers, ...body, redirect: "error" });
    } catch (cause) {
      throw new TideError("NO_SERVER", `nothing answers at ${base.origin} (${messageOf(causeOf(cause))})${gone}`);
    }
    return answerOf<T>(response, base);
  };
  return {
    url: base.origin,
    get: (path, query) => call("GET", path, query === undefined ? {} : { query }),
    post: (path, body, query) => call("POST", path, query === undefined ? { body } : { body, query }),
    async *lines(path, query, signal) {
      let response: Response;
      try {
        response = await fetch(urlOf(path, query), { headers: identity, signal, redirect: "error" });
      } catch (cause) {
        if (signal.aborted) return;
        throw new TideError("NO_SERVER", `nothing answers at ${base.origin} (${messageOf(causeOf(cause))})${gone}`);
      }
      if (!response.ok || response.body === null) await answerOf(response, base);
      else yield* linesOf(response.body, signal);
    },
    delete: (path, query) => call("DELETE", path, query === undefined ? {} : { query }),
  };
}

function authorizationOf(token: string | undefined): Readonly<Record<string, string>> {
  if (token === undefined || token === "") return {};
  // fetch would repeat a token of other characters in its error
  if (!/^[\x21-\x7e]+$/.test(token)) throw new TideError("USAGE", "--token: this is no token");
  return { authorization: `Bearer ${token}` };
}

async function* linesOf(body: ReadableStream<Uint8Array>, signal: AbortSignal): AsyncIterable<string> {
  const decoder = new TextDecoder();
  let rest = "";
  try {
    for await (const chunk of body) {
      const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
      rest = lines.pop() ?? "";
      yield* lines;
    }
  } catch (error) {
    // the server is gone, or nobody wants more: either is the end
    if (!signal.aborted && !(error instanceof TypeError)) throw error;
  }
}

function baseUrl(given: string): URL {
  const url = URL.parse(/^https?:\/\//.test(given) ? given : `http://${given}`);
  if (url === null || url.host === "")
    throw new TideError("USAGE", `--admin ${given}: write HOST:PORT or http://HOST:PORT`);
  return url;
}

async function answerOf<T>(response: Response, base: URL): Promise<T> {
  const text = await response.text();
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new TideError("NO_SERVER", `what answers at ${base.origin} is not tidemill`);
  }
  if (response.ok) return value as T;
  const problem = value as Partial<Problem>;
  if (typeof problem.code !== "string" || typeof problem.detail !== "string") {
    throw new TideError("NO_SERVER", `what answers at ${base.origin} is not tidemill (${response.status})`);
  }
  throw new ServerProblem(problem as Problem);
}

function causeOf(error: unknown): unknown {
  return error instanceof Error && error.cause !== undefined ? error.cause : error;
}
