import type { Code } from "../errors.ts";

/** TM4020 to TM4029 and TM4040 to TM4059: Kubernetes objects, where they come from, and what a cluster says to them. */
export const clusterCodes = {
  CLUSTER_MISSING: {
    id: "TM4020",
    says: "A trigger makes a Kubernetes object, and there is no cluster.",
    fix: "Run with `--kubeconfig FILE` or `--context NAME`, or in a pod; or with `--jobs process` or `--jobs docker`, which run batch/v1 Jobs on this machine.",
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
    says: "An artifact cannot be read, or lies where it may not.",
    fix: "Correct what the message names. A file lies best in the folder of the manifest, or below, with a path relative to that folder.",
    retry: "backoff",
  },
  ARTIFACT_INVALID: {
    id: "TM4025",
    says: "The text of an artifact is not one YAML or JSON object.",
    fix: "Correct the text.",
    retry: "never",
  },
  ARTIFACT_UNREACHABLE: {
    id: "TM4026",
    says: "The server of an artifact could not be reached, broke off, took too long or failed itself.",
    fix: "Check the address, and that the server runs and can be reached from here; nothing was done yet.",
    retry: "backoff",
  },
  ARTIFACT_REFUSED: {
    id: "TM4027",
    says: "The server of an artifact does not give it away.",
    fix: "Check the credentials that the artifact names, and what they may read.",
    retry: "backoff",
  },
  ARTIFACT_MISSING: {
    id: "TM4028",
    says: "What an artifact names is not there: no such page, bucket, key, repository, branch or file.",
    fix: "Correct the name, or put there what it names.",
    retry: "backoff",
  },
  ARTIFACT_UNVERIFIED: {
    id: "TM4029",
    says: "An artifact comes from a server that need not prove who it is: anybody on the way can change it.",
    fix: "Remove the setting, and let the machine trust the server's CA or host key.",
    retry: "never",
  },
  CLUSTER_CONFIG: {
    id: "TM4040",
    says: "There is no way to the cluster: a kubeconfig, a certificate or a credential cannot be read.",
    fix: "Correct what the message names; `kubectl --kubeconfig FILE --context NAME get ns` tries the same.",
    retry: "backoff",
  },
  CLUSTER_BUSY: {
    id: "TM4041",
    says: "The cluster's API cannot answer now: it throttles, restarts, has lost its store, or the connection broke.",
    fix: "Nothing to do if it passes: it is tried again by itself. Otherwise look at the API server and etcd.",
    retry: "backoff",
  },
  CLUSTER_UNAUTHORIZED: {
    id: "TM4042",
    says: "The cluster's API does not know who we are (401), although the credentials were read again.",
    fix: "Check the user of the kubeconfig, or the service account of the pod; a token may have ended.",
    retry: "backoff",
  },
  CLUSTER_FORBIDDEN: {
    id: "TM4043",
    says: "The cluster's API does not allow this to us (403).",
    fix: "Add the rule that the message names to a Role of the namespace, and bind it to the account.",
    retry: "never",
  },
  CLUSTER_REFUSED: {
    id: "TM4044",
    says: "The cluster's API refuses the object or the patch: it is not valid there.",
    fix: "Correct the field that the message names; where a parameter makes it, look at the event.",
    retry: "never",
  },
  KIND_UNKNOWN: {
    id: "TM4045",
    says: "The cluster has no such kind of object.",
    fix: "Check apiVersion and kind; a kind of an extension is there once its CustomResourceDefinition is.",
    retry: "backoff",
  },
  RESOURCE_EXISTS: {
    id: "TM4046",
    says: "An object with this name is there, and another than this firing made it.",
    fix: "Use `generateName`, or put something of the event into the name; or `operation: update`.",
    retry: "backoff",
  },
  RESOURCE_CONFLICT: {
    id: "TM4047",
    says: "Others changed the object again and again while it was to be changed.",
    fix: "It is tried again by itself; use `operation: patch`, which changes only its own fields.",
    retry: "backoff",
  },
  RESOURCE_MISSING: {
    id: "TM4048",
    says: "An object, or the namespace that it belongs to, is not there.",
    fix: "Create it, or correct the name in the manifest.",
    retry: "backoff",
  },
  QUOTA_EXCEEDED: {
    id: "TM4049",
    says: "A ResourceQuota of the namespace leaves no room for the object.",
    fix: "Raise the quota or remove what is finished (`ttlSecondsAfterFinished` of Jobs); it is tried again by itself.",
    retry: "backoff",
  },
  WATCH_EXPIRED: {
    id: "TM4050",
    says: "The cluster's API no longer has the changes since the version that was last seen.",
    fix: "Nothing to do: everything is listed again.",
    retry: "backoff",
  },
  POLICY_UNMET: {
    id: "TM4051",
    says: "The object did not get the labels of `policy.k8s` in time.",
    fix: "Look at the object in the cluster; raise `steps` or `duration` of the policy's backoff if it needs longer.",
    retry: "backoff",
  },
  WORKFLOW_ARGUMENT: {
    id: "TM4052",
    says: "An argument of an argoWorkflow trigger is not known, or cannot be followed without the argo command.",
    fix: "Remove it, or do what the message says instead; the flags that are followed are in the reference of argoWorkflow.",
    retry: "never",
  },
  WORKFLOW_REFUSED: {
    id: "TM4053",
    says: "A workflow is not in a state in which this can be done to it.",
    fix: "Look at the workflow in the cluster: it has ended, waits for nothing, or keeps its nodes elsewhere.",
    retry: "never",
  },
  WORKFLOW_SERVER_MISSING: {
    id: "TM4054",
    says: "Only the Argo Server can do this to a workflow, and the trigger names none.",
    fix: "Add `server: { url: https://argo-server.argo:2746 }` to argoWorkflow, with a token where it asks for one; or use `resubmit`, which makes a new workflow.",
    retry: "never",
  },
} as const satisfies Record<string, Code>;
