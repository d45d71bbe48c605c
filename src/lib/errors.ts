import { codes } from "./codes/index.ts";

/** The name of an entry of the code table, such as `SECRET_MISSING`. */
export type CodeName = keyof typeof codes;

/** What a loop does with a failure: never again by itself, after its usual backoff, or after this pause. */
export type Retry = "never" | "backoff" | { readonly afterMs: number };

/** One row of the code table; the reference page of the codes is made from these. */
export interface Code {
  /** `TMnnnn`: stable for ever, never given a second meaning. */
  readonly id: `TM${number}`;
  /** One sentence: what it means. */
  readonly says: string;
  /** What a person does about it. */
  readonly fix: string;
  readonly retry: "never" | "backoff";
  /** Why it matters, for the code's page. */
  readonly why?: string;
  /** YAML that has the fault, and the same without it. */
  readonly example?: { readonly before: string; readonly after: string };
}

/**
 * The one error class. The code decides what happens next, not the class: a loop reads `retry`.
 * `message` is what happened here ("reading stream orders"); `cause` is what the library below threw.
 */
export class TideError extends Error {
  readonly code: CodeName;
  readonly retry: Retry;

  constructor(code: CodeName, message: string, options: { cause?: unknown; retry?: Retry } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = "TideError";
    this.code = code;
    this.retry = options.retry ?? codes[code].retry;
  }

  /** The stable `TMnnnn` of this error. */
  get id(): string {
    return codes[this.code].id;
  }
}

export function isTide(error: unknown, code?: CodeName): error is TideError {
  return error instanceof TideError && (code === undefined || error.code === code);
}

/** The text of anything thrown, with its causes, in one line, each part once. */
export function messageOf(error: unknown): string {
  const parts: string[] = [];
  for (let e: unknown = error, depth = 0; e !== undefined && e !== null && depth < 5; depth++) {
    const text = e instanceof Error ? e.message || codeOf(e) || e.name : String(e);
    if (text && !parts.some((part) => part.includes(text))) parts.push(text);
    if (e instanceof AggregateError && e.errors.length > 0 && !e.message) e = e.errors[0];
    else e = e instanceof Error ? e.cause : undefined;
  }
  return parts.join(": ");
}

/** The `code` that Node and many libraries put on an error (`ECONNREFUSED`), of the error or of its first cause that has one. */
export function codeOf(error: unknown): string | undefined {
  for (let e: unknown = error, depth = 0; e instanceof Error && depth < 5; depth++) {
    const code: unknown = "code" in e && !(e instanceof TideError) ? e.code : undefined;
    if (typeof code === "string") return code;
    e = e instanceof AggregateError && e.errors.length > 0 ? e.errors[0] : e.cause;
  }
  return undefined;
}
