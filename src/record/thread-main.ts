import { parentPort } from "node:worker_threads";
import { isTide, messageOf, TideError } from "../lib/errors.ts";
import { giveBackWhenIdle } from "../lib/idle-memory.ts";
import { openStore } from "./open-store.ts";
import type { Answer, Call, CallName, Calls } from "./sql/calls.ts";
import type { Reader } from "./sql/reader.ts";
import { retainBatch } from "./sql/retain.ts";
import type { Store } from "./sql/store.ts";
import { createWriter, type RecordWriter } from "./sql/writer.ts";

/**
 * The thread's own module: SQLite calls block, and facts become rows, so both are done here. One call after the other, in
 * the order of asking. The reading side (kysely) is loaded at its first question: the writing thread never needs it.
 */
let store: Store | undefined;
let writer: RecordWriter | undefined;
let reader: Reader | undefined;
let last: Promise<void> = Promise.resolve();

giveBackWhenIdle();
parentPort?.on("message", (call: Call) => {
  last = last.then(() => answer(call));
});

async function answer({ id, name, asked }: Call): Promise<void> {
  let reply: Answer;
  try {
    reply = { id, value: await run(name, asked) };
  } catch (error) {
    const { code, message } = faultOf(error, doing[name] ?? "reading the record");
    reply = { id, code, message };
  }
  parentPort?.postMessage(reply);
}

function faultOf(error: unknown, what: string): TideError {
  if (isTide(error)) return error;
  return store?.fault(error, what) ?? new TideError("RECORD_FAILED", `${what}: ${messageOf(error)}`, { cause: error });
}

const doing: Readonly<Partial<Record<CallName, string>>> = {
  place: "reading the record",
  apply: "writing the record",
  retain: "deleting old events from the record",
  close: "closing the record",
};

async function run(name: CallName, asked: unknown): Promise<unknown> {
  switch (name) {
    case "open":
      store = await openStore(asked as Calls["open"][0]);
      return undefined;
    case "close":
      await store?.close();
      store = undefined;
      return undefined;
    case "place":
      return writing().place(asked as Calls["place"][0]);
    case "apply": {
      const { bus, chunks } = asked as Calls["apply"][0];
      return writing().apply(bus, chunks);
    }
    case "retain": {
      const { olderThanUs, after } = asked as Calls["retain"][0];
      return retainBatch(opened(), olderThanUs, after);
    }
    default:
      reader ??= (await import("./sql/reader.ts")).createReader(opened());
      return (reader[name] as (asked: unknown) => Promise<unknown>)(asked);
  }
}

function writing(): RecordWriter {
  writer ??= createWriter(opened());
  return writer;
}

function opened(): Store {
  if (store === undefined) throw new Error("the thread was asked before `open`");
  return store;
}
