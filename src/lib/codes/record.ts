import type { Code } from "../errors.ts";

/** TM6xxx: the record. */
export const recordCodes = {
  RECORD_UNSUPPORTED: {
    id: "TM6001",
    says: "The record cannot be in this database server: it is too old.",
    fix: "Use MySQL 8.0, MariaDB 10.3 or Postgres 12 or a later one, or `sqlite:PATH`.",
    retry: "never",
  },
  RECORD_URL: {
    id: "TM6002",
    says: "The address of the record cannot be read.",
    fix: "Write `sqlite:PATH` or just a path, `mysql://USER:PASSWORD@HOST/DATABASE`, or `postgres://USER:PASSWORD@HOST/DATABASE`.",
    retry: "never",
  },
  RECORD_UNWRITABLE: {
    id: "TM6003",
    says: "The record's file cannot be opened or made.",
    fix: "Give a path in a folder that tidemill may write, with `--record sqlite:PATH`.",
    retry: "never",
  },
  RECORD_MISSING: {
    id: "TM6004",
    says: "There is no record at this place.",
    fix: "Check `--data-dir` or `--record`; `tidemill run` makes the record.",
    retry: "never",
  },
  RECORD_NEWER: {
    id: "TM6005",
    says: "The record was written by a newer tidemill.",
    fix: "Run that version or a newer one, or give another place with `--record`.",
    retry: "never",
  },
  RECORD_DAMAGED: {
    id: "TM6006",
    says: "The record's file is damaged, or is no record.",
    fix: "Move the file away and start again: events and firings are in the bus, not in the record. `sqlite3 FILE .recover` may save its rows.",
    retry: "never",
  },
  RECORD_LOCKED: {
    id: "TM6007",
    says: "Another program holds the record locked.",
    fix: "End the other program's transaction; tidemill tries again by itself.",
    retry: "backoff",
  },
  RECORD_WRITE_FAILED: {
    id: "TM6008",
    says: "The disk refused a write of the record; nothing of that transaction is kept, and the facts wait in the bus.",
    fix: "See to the disk that holds the record: space, permissions, mount options.",
    retry: "backoff",
  },
  RECORD_FACTS_BAD: {
    id: "TM6009",
    says: "A chunk of the fact log cannot be read.",
    fix: "Run the version of tidemill that wrote it or a newer one; if it is the same, please report it.",
    retry: "never",
  },
  RECORD_CLOSED: {
    id: "TM6010",
    says: "The record is closed, because tidemill is stopping.",
    fix: "Ask again once tidemill runs.",
    retry: "never",
  },
  RECORD_FAILED: {
    id: "TM6011",
    says: "The record failed in a way that tidemill does not know.",
    fix: "See the cause; tidemill tries again by itself.",
    retry: "backoff",
  },
  RECORD_CURSOR: {
    id: "TM6012",
    says: "The place to go on in a list cannot be read.",
    fix: "Give `next` of the page before as it was answered.",
    retry: "never",
  },
  RECORD_AWAY: {
    id: "TM6013",
    says: "The database server of the record cannot be reached, or ended the connection; the facts wait in the bus.",
    fix: "See that it runs and that this machine reaches it; tidemill tries again by itself and catches up.",
    retry: "backoff",
  },
  RECORD_REFUSED: {
    id: "TM6014",
    says: "The database server of the record refuses us: the user, the password, the database, a right, or TLS.",
    fix: "Put right what the message names: in the record's address, or on the server (the user needs SELECT, INSERT, UPDATE, DELETE, CREATE, ALTER and INDEX on that database).",
    retry: "backoff",
  },
  RECORD_QUERY: {
    id: "TM6015",
    says: "The database does not run this query.",
    fix: "See what it says. A query reads only, and is one statement; `docs/specs/record.md` lists tables and columns.",
    retry: "never",
  },
  RECORD_QUERY_TIMEOUT: {
    id: "TM6016",
    says: "The query took too long and was ended.",
    fix: "Narrow it (`received_us` of `event` and `fired_us` of `firing` have an index), or give `--timeout 5m`.",
    retry: "never",
  },
} as const satisfies Record<string, Code>;
