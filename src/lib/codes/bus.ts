import type { Code } from "../errors.ts";

/** TM5xxx: the bus. */
export const busCodes = {
  BUS_FULL: {
    id: "TM5001",
    says: "The bus has reached its size with data that may not go yet.",
    fix: "See `tidemill status` for what pins it (a sensor that lags, a target that is down, a record that cannot be written), or raise `--bus-max-bytes`.",
    retry: "backoff",
  },
  BUS_CLOSED: {
    id: "TM5002",
    says: "The bus is closed, because tidemill is stopping.",
    fix: "Send it again once tidemill runs.",
    retry: "backoff",
  },
  BUS_WRITE_FAILED: {
    id: "TM5003",
    says: "The disk refused a write of the bus; nothing of that commit is kept.",
    fix: "See to the disk that holds the data folder: space, permissions, mount options.",
    retry: "backoff",
  },
  BUS_LOCKED: {
    id: "TM5004",
    says: "Another tidemill process owns this data folder.",
    fix: "Stop the other one, or give this one its own `--data-dir`.",
    retry: "never",
  },
  BUS_FORMAT_NEWER: {
    id: "TM5005",
    says: "The data folder was written by a newer tidemill.",
    fix: "Run that version or a newer one, or begin with an empty `--data-dir`.",
    retry: "never",
  },
  BUS_DAMAGED: {
    id: "TM5006",
    says: "A file of the bus is damaged.",
    fix: "Run `tidemill bus salvage DATA_DIR NEW_DIR`, which copies what is readable, then run with `--data-dir NEW_DIR`.",
    retry: "never",
  },
  BUS_UNWRITABLE: {
    id: "TM5007",
    says: "The data folder cannot be made or written.",
    fix: "Give tidemill a folder that it may write, with `--data-dir`.",
    retry: "never",
  },
  EVENT_TOO_LARGE: {
    id: "TM5008",
    says: "An event is larger than `maxEventBytes`.",
    fix: "Send less, put the body in a store and send its address, or raise `--max-event-bytes`.",
    retry: "never",
  },
  BUS_MEMORY_DAMAGED: {
    id: "TM5009",
    says: "The disk refused a write, and the database library damaged the memory of the process when it said so.",
    fix: "See to the disk, and start tidemill again: everything that was acknowledged is in the data folder.",
    retry: "never",
  },
} as const satisfies Record<string, Code>;
