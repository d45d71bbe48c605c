import { ExpressionError } from "../expressions/fault.ts";
import { compileRegexp } from "../expressions/go-regexp.ts";
import { badValue } from "../kit/rules.ts";
import { didYouMean } from "../lib/did-you-mean.ts";
import { parseDurationMs } from "../lib/duration.ts";
import type { Finding, Path } from "../lib/finding.ts";
import { isRecord, type JsonObject } from "../lib/json.ts";
import { own, recordAt, textAt } from "./json.ts";

/**
 * Rules for entries of event sources that Argo Events checks only when they run, or never (reference 7.3, "not validated"):
 * schedules, zones, dates, regular expressions, methods, pauses. Paths begin at the entry.
 */
export function* entryRules(kind: string, config: JsonObject): Iterable<Finding> {
  if (kind === "webhook") yield* methodRule(config);
  if (kind === "file" || kind === "sftp")
    yield* regexpRule(recordAt(config, "watchPathConfig"), ["watchPathConfig", "pathRegexp"]);
  if (kind === "hdfs") yield* regexpRule(config, ["pathRegexp"]);
  yield* backoffRules(config, ["connectionBackoff"]);
}

const methods = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "CONNECT", "OPTIONS", "TRACE"];

function* methodRule(config: JsonObject): Iterable<Finding> {
  const method = textAt(config, "method");
  if (method === undefined || methods.includes(method)) return;
  const meant = didYouMean(method, methods);
  const found = badValue(["method"], `${JSON.stringify(method)} is no HTTP method`, `Write ${meant ?? "POST"}.`);
  const sure = methods.includes(method.toUpperCase());
  yield sure ? { ...found, severity: "warning", repair: { do: "value", text: method.toUpperCase() } } : found;
}

function* regexpRule(config: JsonObject, path: Path): Iterable<Finding> {
  const pattern = textAt(config, "pathRegexp");
  if (pattern !== undefined) yield* compiles(path, () => compileRegexp(pattern));
}

function* compiles(path: Path, compile: () => unknown): Iterable<Finding> {
  try {
    compile();
  } catch (cause) {
    if (!(cause instanceof ExpressionError)) throw cause;
    const found: Finding = { severity: "error", code: cause.code, path, message: cause.message };
    yield cause.position === undefined ? found : { ...found, offset: cause.position };
  }
}

function* backoffRules(config: JsonObject, path: Path): Iterable<Finding> {
  const backoff = own(config, "connectionBackoff");
  if (!isRecord(backoff)) return;
  const duration = textAt(backoff, "duration");
  if (duration !== undefined && parseDurationMs(duration) === undefined)
    yield notDuration([...path, "duration"], duration);
}

function notDuration(path: Path, text: string): Finding {
  return badValue(path, `${JSON.stringify(text)} is no duration`, "Write it as 10s, 5m or 1h30m.");
}
