import type { Code } from "../errors.ts";

/** TM3xxx: taking events from outside. */
export const sourcesCodes = {
  SDK_MISSING: {
    id: "TM3001",
    says: "A package that this source or trigger type needs is not installed.",
    fix: "Run the install command that the message names, beside tidemill.",
    retry: "backoff",
  },
  PORT_UNAVAILABLE: {
    id: "TM3002",
    says: "A port cannot be listened on.",
    fix: "End the program that holds the port, or give the entry another `port`; ports below 1024 may need rights.",
    retry: "backoff",
  },
  ROUTE_TAKEN: {
    id: "TM3003",
    says: "Another entry serves the same port, path and method.",
    fix: "Give one of the two another `endpoint`, `method` or `port`.",
    retry: "backoff",
  },
  ROUTE_INVALID: {
    id: "TM3004",
    says: "An HTTP path or its certificate cannot be served.",
    fix: "Correct `endpoint`; give all entries of a port the same certificate and key, in PEM, or none.",
    retry: "backoff",
  },
  SIGNATURE_INVALID: {
    id: "TM3005",
    says: "A message is not signed by the one it says it comes from.",
    fix: "If it is genuine, check `topicArn`, `endpoint` and the clock; otherwise somebody else calls this address.",
    retry: "never",
  },
  UPSTREAM_FAILED: {
    id: "TM3006",
    says: "The server that events come from cannot be reached, or refused a request.",
    fix: "Check address, credentials and rights; the source is tried again by itself.",
    retry: "backoff",
  },
  UPSTREAM_GONE: {
    id: "TM3007",
    says: "What the source reads does not exist, or is of another kind than expected.",
    fix: "Create the queue, topic or stream, or correct its name; the source is tried again by itself.",
    retry: "backoff",
  },
  METHOD_MISSING: {
    id: "TM3010",
    says: "A webhook has no `method`: Argo Events would answer every request with 400.",
    fix: "Write `method: POST`, which is what tidemill takes it for.",
    retry: "never",
  },
  CALLBACK_MISSING: {
    id: "TM3011",
    says: "There is no public URL to register: the subscription is not made by itself.",
    fix: "Set `webhook.url`, or subscribe the endpoint by hand.",
    retry: "never",
  },
  SECRET_UNFIT: {
    id: "TM3012",
    says: "A secret is empty, or not of the form that its use asks for.",
    fix: "Put the secret there as its issuer shows it; for Standard Webhooks that is `whsec_` and base64.",
    retry: "backoff",
  },
} as const satisfies Record<string, Code>;
