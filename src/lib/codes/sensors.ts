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
  SENSOR_INVALID: {
    id: "TM2004",
    says: "A Sensor's definition breaks a rule.",
    fix: "Correct the field at the place named.",
    retry: "never",
  },
  SENSOR_DOUBTFUL: {
    id: "TM2005",
    says: "A Sensor will do something else than its author probably means.",
    fix: "Read what the finding says will happen, and change the field if that is not meant.",
    retry: "never",
  },
  PARAMETER_UNRESOLVED: {
    id: "TM2006",
    says: "A parameter found no value in the event and has no default, or its value cannot be put at its destination.",
    fix: "Give the parameter a `value` as default, or correct its key: `tidemill events get EVENT` shows the data.",
    retry: "never",
  },
  SCHEMA_INVALID: {
    id: "TM2007",
    says: "The data of an event is not as the schema of a dependency says.",
    fix: "Correct what sends it, or the schema. `tidemill dlq edit` corrects the event of this dead letter; `dlq retry --config current` tries it with today's schema.",
    retry: "never",
  },
  NOTIFY_TARGET_REFUSED: {
    id: "TM2010",
    says: "An event names a target for its notifications that it may not use: the notification's own target was told instead.",
    fix: "Add the target to `target.allow` if it is meant; otherwise correct the event, or look at who sent it.",
    retry: "never",
  },
} as const satisfies Record<string, Code>;
