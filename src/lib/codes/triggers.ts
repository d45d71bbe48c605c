import type { Code } from "../errors.ts";

/** TM4xxx: acting on targets. */
export const triggersCodes = {
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
  TARGET_STATUS: {
    id: "TM4009",
    says: "The target answered, and its status is a failure.",
    fix: "Look into the target's log; list statuses that are fine in `policy.status.allow`, and add a `retryStrategy` where trying again helps.",
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
  CLUSTER_MISSING: {
    id: "TM4020",
    says: "A trigger makes a Kubernetes object, and there is no cluster.",
    fix: "Run with `--jobs process` to run batch/v1 Jobs as local processes; a cluster comes with a later version.",
    retry: "never",
  },
  OPERATION_UNSUPPORTED: {
    id: "TM4021",
    says: "A Kubernetes operation is known but not there yet.",
    fix: "Use `operation: create`, or leave this Sensor to Argo Events.",
    retry: "never",
  },
  RESOURCE_INVALID: {
    id: "TM4022",
    says: "What a trigger is to create is not a Kubernetes object.",
    fix: "Give it apiVersion, kind and metadata; where a parameter makes it, look at the event.",
    retry: "never",
  },
  ARTIFACT_UNSUPPORTED: {
    id: "TM4023",
    says: "An artifact source is known but not there yet.",
    fix: "Use `resource`, `inline`, `file` or `configmap`.",
    retry: "never",
  },
  ARTIFACT_UNREADABLE: {
    id: "TM4024",
    says: "The file of an artifact cannot be read, or lies where it may not.",
    fix: "Put it into the folder of the manifest, or below, and write its path relative to that folder.",
    retry: "backoff",
  },
  ARTIFACT_INVALID: {
    id: "TM4025",
    says: "The text of an artifact is not one YAML or JSON object.",
    fix: "Correct the text.",
    retry: "never",
  },
  JOBS_ONLY: {
    id: "TM4030",
    says: "Without a cluster only batch/v1 Jobs can be created: they run as local processes.",
    fix: "Make it a batch/v1 Job, or leave this Sensor to Argo Events.",
    retry: "never",
  },
  JOB_INVALID: {
    id: "TM4031",
    says: "A Job breaks a rule of Kubernetes, or lacks what a local process needs.",
    fix: "Correct the field that the message names.",
    retry: "never",
  },
  JOB_UNSUPPORTED: {
    id: "TM4032",
    says: "A Job uses what local processes do not do.",
    fix: "Remove the field that the message names, or run the Job in a cluster.",
    retry: "never",
  },
  JOB_EXISTS: {
    id: "TM4033",
    says: "A Job with this name is there, and another firing made it.",
    fix: "Use `generateName`, or put something of the event into the name; `tidemill jobs` lists what is there.",
    retry: "backoff",
  },
  JOBS_STOPPING: {
    id: "TM4034",
    says: "No Job is taken any more, because tidemill ends.",
    fix: "Nothing to do: the firing comes again at the next start.",
    retry: "backoff",
  },
  JOB_FAULT: {
    id: "TM4035",
    says: "What is known about local Jobs could not be kept or read.",
    fix: "Check the data folder: space, rights, and that nobody else writes to it.",
    retry: "backoff",
  },
} as const satisfies Record<string, Code>;
