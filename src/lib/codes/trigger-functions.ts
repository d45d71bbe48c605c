import type { Code } from "../errors.ts";

/** TM4080 to TM4089: functions of the user. */
export const functionCodes = {
  FUNCTION_THREW: {
    id: "TM4080",
    says: "The function of a trigger threw, or the promise that it returned was rejected.",
    fix: "Look at the message and the stack; an error that no retry can mend is thrown as NonRetryableError, or carries `retry: false`.",
    retry: "backoff",
  },
  FUNCTION_UNLOADABLE: {
    id: "TM4081",
    says: "The module of a function cannot be loaded, or has no function of that name: nothing was called.",
    fix: "Correct `module` and `export`, or what the message says of the module.",
    retry: "backoff",
  },
  FUNCTION_ANSWER_INVALID: {
    id: "TM4082",
    says: "What a function returned or gave to `emit` is no JSON, or too much.",
    fix: "Return plain data: objects, lists, texts, finite numbers, true, false, null; or nothing.",
    retry: "never",
  },
  FUNCTION_ENDED: {
    id: "TM4083",
    says: "A function ended its thread or process, with process.exit() or by a crash.",
    fix: "Throw an error in place of process.exit(); what can crash its process runs best with `isolation: process`.",
    retry: "backoff",
  },
  FUNCTION_MEMORY: {
    id: "TM4084",
    says: "A function needed more memory than `memoryLimit`: it was ended.",
    fix: "Raise `memoryLimit`, or handle less at a time.",
    retry: "backoff",
  },
  FUNCTION_UNCAUGHT: {
    id: "TM4085",
    says: "While a function ran, an error was thrown or a promise rejected where nobody could catch it: its thread was ended.",
    fix: "Await every promise, and catch errors in callbacks and timers.",
    retry: "backoff",
  },
  FUNCTION_MISSING: {
    id: "TM4086",
    says: "The module of a function trigger is not there, or does not name what it should export.",
    fix: "Correct `module`, which is relative to the folder of the manifest, or `export`.",
    retry: "never",
  },
} as const satisfies Record<string, Code>;
