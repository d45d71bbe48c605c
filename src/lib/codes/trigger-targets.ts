import type { Code } from "../errors.ts";

/** TM4001 to TM4019: a target, its answer, and the calls that every trigger makes. */
export const targetCodes = {
  TARGET_UNREACHABLE: {
    id: "TM4001",
    says: "No connection to the target could be made: nothing was sent.",
    fix: "Check the URL, and that the target runs and can be reached from here; it is tried again by itself.",
    retry: "backoff",
  },
  TARGET_TIMEOUT: {
    id: "TM4002",
    says: "The target did not answer in time.",
    fix: "Raise `timeout` of the trigger, or make the target answer first and work afterwards.",
    retry: "backoff",
  },
  TARGET_TLS: {
    id: "TM4003",
    says: "No TLS connection could be made with the target.",
    fix: "Check the certificate of the target and the `tls` block: the CA, the client certificate, the name in the URL.",
    retry: "backoff",
  },
  TARGET_RESET: {
    id: "TM4004",
    says: "The connection broke before the target answered: it may have acted or not.",
    fix: "Look into the log of the target; a `retryStrategy` sends it again with the same Idempotency-Key.",
    retry: "backoff",
  },
  TARGET_PROTOCOL: {
    id: "TM4005",
    says: "What the target answered is no HTTP/1.1.",
    fix: "Check scheme and port of the URL.",
    retry: "backoff",
  },
  TARGET_REDIRECTS: {
    id: "TM4006",
    says: "The target redirects more than 10 times, or to where no request can go.",
    fix: "Write the final address as `url`.",
    retry: "backoff",
  },
  REQUEST_INVALID: {
    id: "TM4007",
    says: "The trigger's settings do not make an HTTP request.",
    fix: "Correct the part that the message names; where a parameter makes it, look at the event.",
    retry: "never",
  },
  HEADER_IGNORED: {
    id: "TM4008",
    says: "A header has no effect: the request's own framing decides it.",
    fix: "Remove it; for the Host header use the field `host`.",
    retry: "never",
  },
  TARGET_STATUS: {
    id: "TM4009",
    says: "The target answered, and its status is a failure.",
    fix: "Look into the target's log; list statuses that are fine in `policy.status.allow`, and add a `retryStrategy` where trying again helps.",
    retry: "backoff",
  },
  TARGET_GONE: {
    id: "TM4010",
    says: "The target says that it is gone for good (410), or asks never to be sent this again.",
    fix: "Point the trigger at the target's new address, or remove it; `tidemill dlq` has what was not taken.",
    retry: "never",
  },
  ATTEMPT_TIMEOUT: {
    id: "TM4011",
    says: "An attempt took longer than the trigger's `timeout`: it was ended, and the target may have acted or not.",
    fix: "Raise `timeout` of the trigger, or make the target answer first and work afterwards.",
    retry: "backoff",
  },
  BATCH_ITEM_FAILED: {
    id: "TM4012",
    says: "The target took the call, and named this firing of its batch as failed.",
    fix: "Look into the target's log for the item; with a `retryStrategy` it is tried again without the others.",
    retry: "backoff",
  },
  BATCH_ANSWER_INVALID: {
    id: "TM4013",
    says: "The target told failures of a batch in a form that is not understood: all of its firings count as failed.",
    fix: 'Answer { "batchItemFailures": [{ "itemIdentifier": ID }] }, where ID is an index of the list (a number), an event id or a firing id.',
    retry: "backoff",
  },
  EGRESS_REFUSED: {
    id: "TM4014",
    says: "The egress guard refuses the address: nothing was sent.",
    fix: "Where the address is meant, list it: `--egress-allow` of run, or `spec.egress.allow` of the Sensor, as the message says; link-local and metadata addresses are never connected to. Where an event made it, look at the event.",
    retry: "never",
    why: "Who can name an address can make this machine ask on its behalf: services of the private network, or the metadata of a cloud, which hands out credentials.",
  },
} as const satisfies Record<string, Code>;
