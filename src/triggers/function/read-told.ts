import { type Level, levels, maxAnswerLength, mostEmitted, type Told } from "./messages.ts";

/**
 * What came from inside, believed only in so far as it has the form; undefined: it has not, and nobody hears it. User code
 * can say whatever it likes through the same channel.
 */
export function readTold(said: unknown): Told | undefined {
  if (!isRecord(said)) return undefined;
  const { k, call } = said;
  if (k === "ready") return { k };
  if (k === "unloadable") return { k, error: thrown(said.error, "unloadable") };
  if (k === "files") return { k, files: stamps(said.files) };
  if (k === "uncaught") {
    return typeof call === "number"
      ? { k, call, error: thrown(said.error, "threw") }
      : { k, error: thrown(said.error, "threw") };
  }
  if (typeof call !== "number") return undefined;
  if (k === "failed") return { k, call, error: thrown(said.error, "threw") };
  if (k === "done") return done(call, said.result);
  if (k === "log") {
    const level = levels.find((one): one is Level => one === said.level);
    return level && { k, call, level, fields: text(said.fields), message: text(said.message) };
  }
  if (k === "progress") {
    const { fraction } = said;
    const told = { k, call, message: text(said.message) } as const;
    return typeof fraction === "number" ? { ...told, fraction } : told;
  }
  // the book of spans looks at what is in them
  return k === "span" && isRecord(said.span) ? { k, call, span: said.span as unknown as SpanOf } : undefined;
}

type SpanOf = Extract<Told, { readonly k: "span" }>["span"];

function done(call: number, result: unknown): Told | undefined {
  if (!isRecord(result) || !Array.isArray(result.emitted) || result.emitted.length > mostEmitted) return undefined;
  const emitted: { data: string; source?: string; event?: string; item?: string }[] = [];
  let length = 0;
  for (const one of result.emitted as readonly unknown[]) {
    if (!isRecord(one) || typeof one.data !== "string") return undefined;
    length += one.data.length;
    const { data, source, event, item } = one;
    emitted.push({ data, ...textsOf({ source, event, item }) });
  }
  if (length > maxAnswerLength) return undefined;
  return { k: "done", call, result: { emitted, ...textsOf({ answer: result.answer, shown: result.shown }) } };
}

function thrown(error: unknown, kind: "threw" | "unloadable") {
  const told = isRecord(error) ? error : {};
  const { never, retryAfterMs } = told;
  const frames = Array.isArray(told.frames) ? told.frames.slice(0, 10).map(text) : [];
  return {
    kind: told.kind === "junk" ? ("junk" as const) : kind,
    name: text(told.name),
    message: text(told.message),
    frames,
    ...(never === true ? { never } : {}),
    ...(typeof retryAfterMs === "number" ? { retryAfterMs } : {}),
  };
}

/** How many files a module is looked at by: more than that is no module of a person. */
const mostFiles = 2_000;

function stamps(files: unknown): readonly (readonly [string, string])[] {
  if (!Array.isArray(files)) return [];
  return files.slice(0, mostFiles).flatMap((one: unknown) => {
    const [path, stamp] = Array.isArray(one) ? (one as readonly unknown[]) : [];
    return typeof path === "string" && typeof stamp === "string" ? [[path, stamp] as const] : [];
  });
}

function textsOf<K extends string>(given: Readonly<Record<K, unknown>>): { [P in K]?: string } {
  const texts = Object.entries(given).filter((pair): pair is [K, string] => typeof pair[1] === "string");
  return Object.fromEntries(texts) as { [P in K]?: string };
}

function text(said: unknown): string {
  return typeof said === "string" ? said.slice(0, 16_384) : "";
}

function isRecord(said: unknown): said is Readonly<Record<string, unknown>> {
  return typeof said === "object" && said !== null;
}
