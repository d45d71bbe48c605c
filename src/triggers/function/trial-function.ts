import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ChildSpan, NewDraft, Outcome } from "../../kit/trigger.ts";
import type { Log } from "../../lib/log.ts";
import { functionTrigger } from "../function.ts";
import { eventOf, trial } from "../trial.ts";
import type { FunctionCall } from "./order.ts";

/** For tests: a folder with modules, and what a trigger's calls said. */
export interface FunctionTrial extends AsyncDisposable {
  readonly folder: string;
  readonly lines: readonly { readonly level: string; readonly fields: object; readonly message: string }[];
  readonly spans: readonly ChildSpan[];
  readonly put: readonly (Omit<NewDraft, "data"> & { readonly data: unknown })[];
  write(name: string, text: string): void;
  fire(data: unknown, call?: Partial<FunctionCall>): Promise<Outcome>;
}

export async function functionTrial(config: object, modules: Readonly<Record<string, string>>): Promise<FunctionTrial> {
  const folder = mkdtempSync(join(tmpdir(), "tidemill-function-"));
  const write = (name: string, text: string): void => writeFileSync(join(folder, name), text);
  for (const [name, text] of Object.entries(modules)) write(name, text);
  const lines: { level: string; fields: object; message: string }[] = [];
  const spans: ChildSpan[] = [];
  const put: (Omit<NewDraft, "data"> & { data: unknown })[] = [];
  const log = logTo(lines);
  const one = await trial(functionTrigger, config, { folder, log, secrets: { "shop/token": "s3cret" } });
  let keys = 0;
  return {
    folder,
    lines,
    spans,
    put,
    write,
    fire(data, call = {}) {
      keys += 1;
      const whole: Partial<FunctionCall> = {
        key: keys.toString(16).padStart(32, "0"),
        events: new Map([["order", eventOf(JSON.stringify(data))]]),
        trace: { context: { traceparent }, span: (span) => void spans.push(span) },
        emit: async (drafts) => {
          put.push(
            ...drafts.map((draft) => ({ ...draft, data: JSON.parse(Buffer.from(draft.data).toString()) as unknown })),
          );
          return drafts.map((_, at) => ({ id: String(at), outcome: "stored" }));
        },
        ...call,
      };
      return one.fire(whole as never);
    },
    async [Symbol.asyncDispose]() {
      await one[Symbol.asyncDispose]();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

export const traceparent = `00-${"a".repeat(32)}-${"b".repeat(16)}-01`;

function logTo(lines: { level: string; fields: object; message: string }[]): Log {
  const line = (level: string) => (fields: object, message: string) => void lines.push({ level, fields, message });
  const to: Log = {
    trace: line("trace"),
    debug: line("debug"),
    info: line("info"),
    warn: line("warn"),
    error: line("error"),
    child: () => to,
  };
  return to;
}
