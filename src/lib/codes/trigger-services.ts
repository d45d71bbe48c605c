import type { Code } from "../errors.ts";

/** TM4070 to TM4079 and TM4090 to TM4099: AWS, Slack, mail and databases. */
export const serviceCodes = {
  MESSAGE_INVALID: {
    id: "TM4070",
    says: "What the trigger's settings and the event make is no message that the service takes: too large, empty, or a field that cannot be so.",
    fix: "Correct the part that the message names; where a parameter makes it, look at the event. What is too large is best put into a store, with its address in the message.",
    retry: "never",
  },
  AWS_REFUSED: {
    id: "TM4071",
    says: "An AWS service refuses the request: something in it is not valid there.",
    fix: "Correct what the service names; where a parameter makes it, look at the event.",
    retry: "never",
  },
  AWS_MISSING: {
    id: "TM4072",
    says: "What a trigger names is not there: no such queue, topic, event bus or function.",
    fix: "Create it, or correct its name, the region and the account.",
    retry: "backoff",
  },
  AWS_DENIED: {
    id: "TM4073",
    says: "An AWS service does not know who we are, or does not allow this to us.",
    fix: "Check the keys or the role that the trigger names, and what they may do; a key may have ended.",
    retry: "backoff",
  },
  AWS_BUSY: {
    id: "TM4074",
    says: "An AWS service throttles: nothing was done.",
    fix: "It is tried again by itself; a `rateLimit` or a smaller `concurrency` of the trigger sends less at once.",
    retry: "backoff",
  },
  AWS_FAILED: {
    id: "TM4075",
    says: "An AWS service failed, or gave an answer that says nothing of the message: it may have acted or not.",
    fix: "A `retryStrategy` sends it again with the same idempotency key; the service's health page may tell more.",
    retry: "backoff",
  },
  LAMBDA_FAILED: {
    id: "TM4076",
    says: "The Lambda function ran and failed: it threw, timed out or ended.",
    fix: "Look into the function's log (`logTail: true` shows its end here); with a `retryStrategy` it is invoked again with the same idempotency key.",
    retry: "backoff",
  },
  SLACK_REFUSED: {
    id: "TM4090",
    says: "Slack does not take the message: the same again would be refused again.",
    fix: "Look the word up that Slack answered: invite the app to the channel (not_in_channel), give it the scope chat:write (missing_scope), renew the token (invalid_auth), or correct the message.",
    retry: "never",
  },
  SLACK_BUSY: {
    id: "TM4091",
    says: "Slack cannot take the message now, or takes no more of them for a while.",
    fix: "A `retryStrategy` sends it later, not before the time that Slack names; `rateLimit` sends fewer.",
    retry: "backoff",
  },
  MAIL_REFUSED: {
    id: "TM4092",
    says: "The mail server refuses the login, the sender, a recipient or the mail for good.",
    fix: "Read what it says: correct `username`, `smtpPassword`, `from` or `to`.",
    retry: "never",
  },
  MAIL_DEFERRED: {
    id: "TM4093",
    says: "The mail server does not take the mail now.",
    fix: "A `retryStrategy` sends it later; what a server says of greylisting or quotas tells how much later.",
    retry: "backoff",
  },
  SQL_CONSTRAINT: {
    id: "TM4094",
    says: "The database refuses the row: a constraint of the table is broken, or a value does not fit into its column.",
    fix: "Correct the event or the table; `key` or `onConflict` says what a row is that is there already.",
    retry: "never",
  },
  SQL_BUSY: {
    id: "TM4095",
    says: "The database cannot write now: a deadlock, a lock, too many connections, or no space.",
    fix: "A `retryStrategy` writes it later; with `key`, a row that is written twice is there once.",
    retry: "backoff",
  },
  SQL_REFUSED: {
    id: "TM4096",
    says: "The database does not let the user in, or does not allow the statement.",
    fix: "Check user, password and database of the address, and grant what the statement needs.",
    retry: "backoff",
  },
  SQL_STATEMENT: {
    id: "TM4097",
    says: "The database cannot run the statement: a table or column is not there, or the SQL is wrong.",
    fix: "Create the table, or correct `table`, `columns`, `key` or `statement`.",
    retry: "never",
  },
  SQL_ADDRESS: {
    id: "TM4098",
    says: "The address of a database is not one that can be used.",
    fix: "Write sqlite:PATH, mysql://USER:PASSWORD@HOST:PORT/DATABASE or postgres://USER:PASSWORD@HOST:PORT/DATABASE.",
    retry: "never",
  },
} as const satisfies Record<string, Code>;
