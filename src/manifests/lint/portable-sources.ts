import type { Finding, Path } from "../../lib/finding.ts";
import { own, recordAt, textAt } from "../json.ts";
import { argoSources } from "../types/argo-sources.ts";

/** Where Argo Events does something else with an entry of an EventSource (reference 1.6, 9.2). Paths begin at the entry. */
export function* sourceBehaviour(kind: string, written: unknown): Iterable<Finding> {
  const config = recordAt(written);
  const method = textAt(config, "method")?.toUpperCase();
  if (kind === "webhook" && method !== undefined && method !== "GET" && method !== "POST")
    yield differs(["method"], `${method} requests are answered with 400 there`, "Use GET or POST.");
  const folder = recordAt(config, "watchPathConfig");
  const directory = textAt(folder, "directory");
  if (kind === "file" && directory?.endsWith("/") === false && textAt(folder, "path") !== undefined)
    yield differs(
      ["watchPathConfig", "directory"],
      "no path matches there without a / at the end",
      `Write ${directory}/.`,
    );
  if (kind === "sftp" && own(config, "pollIntervalDuration") !== undefined)
    yield differs(["pollIntervalDuration"], "the interval is always 10s there", "Nothing to do where 10s are fine.");
  if (kind === "sns" && own(config, "validateSignature") === true)
    yield differs(
      ["validateSignature"],
      "no message passes the check there",
      "Leave it out there, and keep the endpoint secret.",
    );
  if (kind === "generic" && own(config, "insecure") !== true)
    yield differs(
      [],
      "without `insecure: true` no connection is made there",
      "Add `insecure: true` for a server without TLS.",
    );
  if (kind === "amqp" && own(recordAt(config, "consume"), "autoAck") === false)
    yield differs(["consume", "autoAck"], "messages are never acknowledged there", "Leave autoAck true there.");
  yield* builtInNames(kind, textAt(recordAt(config, "filter"), "expression"));
}

/** Functions of the expression language that hide keys of the data there. */
const builtIns = ["values", "keys", "type", "count", "sum", "first", "last", "min", "max", "date", "duration", "now"];

function* builtInNames(kind: string, expression: string | undefined): Iterable<Finding> {
  if (expression === undefined) return;
  for (const key of argoSources.get(kind)?.keys ?? []) {
    const used = new RegExp(`(?<![.\\w])${key}\\b(?!\\s*\\()`).exec(expression);
    if (!builtIns.includes(key) || used === null) continue;
    const message = `${key} is a function there, so that the filter fails for every event`;
    const fix = "Filter in the Sensor instead.";
    yield { ...differs(["filter", "expression"], message, fix), offset: used.index };
  }
}

function differs(path: Path, message: string, fix: string): Finding {
  return { severity: "warning", code: "DIFFERS_UPSTREAM", path, message, fix };
}
