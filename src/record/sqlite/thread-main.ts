import type { DatabaseSync } from "node:sqlite";
import { parentPort } from "node:worker_threads";
import { openDatabase, sqliteError } from "./database.ts";
import type { Answer, Call, CallName, Calls } from "./questions.ts";
import type { Reader } from "./reader.ts";
import { retainBatch } from "./retain.ts";
import { createWriter, type RecordWriter } from "./writer.ts";

/**
 * The thread's own module: SQLite calls block, so they are made here. One call after the other, in the order of asking.
 * The reading side (kysely) is loaded at its first question: the writing thread never needs it.
 */
let database: DatabaseSync | undefined;
let writer: RecordWriter | undefined;
let reader: Reader | undefined;
let last: Promise<void> = Promise.resolve();

parentPort?.on("message", (call: Call) => {
  last = last.then(() => answer(call));
});

async function answer({ id, name, asked }: Call): Promise<void> {
  let reply: Answer;
  try {
    reply = { id, value: await run(name, asked) };
  } catch (error) {
    const { code, message } = sqliteError(error, doing[name] ?? "reading the record");
    reply = { id, code, message };
  }
  parentPort?.postMessage(reply);
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
      database = openDatabase(asked as Calls["open"][0]);
      return undefined;
    case "close":
      database?.close();
      database = undefined;
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
      reader ??= (await import("./reader.ts")).createReader(opened());
      return (reader[name] as (asked: unknown) => Promise<unknown>)(asked);
  }
}

function writing(): RecordWriter {
  writer ??= createWriter(opened());
  return writer;
}

function opened(): DatabaseSync {
  if (database === undefined) throw new Error("the thread was asked before `open`");
  return database;
}
