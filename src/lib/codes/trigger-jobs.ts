import type { Code } from "../errors.ts";

/** TM4030 to TM4039, TM4021 and TM4060: Jobs that run on this machine. */
export const jobCodes = {
  OPERATION_UNSUPPORTED: {
    id: "TM4021",
    says: "Jobs that run on this machine can only be created.",
    fix: "Use `operation: create`, or run with a cluster (`--kubeconfig FILE`).",
    retry: "never",
  },
  JOBS_ONLY: {
    id: "TM4030",
    says: "Without a cluster only batch/v1 Jobs can be created: they run on this machine.",
    fix: "Make it a batch/v1 Job, or leave this Sensor to Argo Events.",
    retry: "never",
  },
  JOB_INVALID: {
    id: "TM4031",
    says: "A Job breaks a rule of Kubernetes, or lacks what a local process or container needs.",
    fix: "Correct the field that the message names.",
    retry: "never",
  },
  JOB_UNSUPPORTED: {
    id: "TM4032",
    says: "A Job uses what local processes or containers do not do.",
    fix: "Remove the field that the message names, or run the Job in a cluster; `--jobs docker` does more than `--jobs process`.",
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
  CONTAINERS_MISSING: {
    id: "TM4036",
    says: "Jobs are to run as containers, and the program for that is not there.",
    fix: "Install docker or podman so that it is on the PATH, or run with `--jobs process`.",
    retry: "never",
  },
  CONTAINERS_AWAY: {
    id: "TM4037",
    says: "The container engine cannot be reached: it does not run, or we may not talk to it.",
    fix: "Start it, or give this user the right to use it; `docker version` asks the same. The Jobs wait, and what runs goes on.",
    retry: "backoff",
  },
  IMAGE_MISSING: {
    id: "TM4038",
    says: "The image of a container is not there, and no registry has it.",
    fix: "Correct `image`, build it here under that name, or push it; the Job waits for it.",
    retry: "backoff",
  },
  IMAGE_REFUSED: {
    id: "TM4039",
    says: "The registry does not give the image of a container away, or there is no such image in it.",
    fix: "Correct `image`, or log in with `docker login` or `podman login` as the user tidemill runs as; the Job waits for it.",
    retry: "backoff",
  },
  CONTAINERS_FAULT: {
    id: "TM4060",
    says: "The container engine refuses or fails at what a Job needs.",
    fix: "Look at what it says; the same command tried by hand tells more.",
    retry: "backoff",
  },
} as const satisfies Record<string, Code>;
