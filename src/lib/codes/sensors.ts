import type { Code } from "../errors.ts";

/** TM2xxx: expressions and what a sensor decides with. */
export const sensorsCodes = {
  EXPRESSION_INVALID: {
    id: "TM2001",
    says: "An expression of the manifest cannot be compiled.",
    fix: "Correct the expression at the place named; `position` is the offset inside the string.",
    retry: "never",
  },
  EXPRESSION_UNSUPPORTED: {
    id: "TM2002",
    says: "An expression uses a part of its language that tidemill does not have yet.",
    fix: "Write it without that part, or move the work into the target.",
    retry: "never",
  },
  EXPRESSION_FAILED: {
    id: "TM2003",
    says: "An expression could not be evaluated on this event.",
    fix: "Ask `tidemill why EVENT` for the clause and the value that it met.",
    retry: "never",
  },
} as const satisfies Record<string, Code>;
