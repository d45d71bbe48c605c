import type { z } from "zod";
import { choice, list, object, optional, secretRef, text } from "../../kit/fields.ts";
import { tlsConfig, triggerParameters } from "../../kit/schemas.ts";
import { artifactConfig } from "../artifact.ts";

export const operations = [
  "submit",
  "submit-from",
  "resubmit",
  "resume",
  "retry",
  "suspend",
  "terminate",
  "stop",
] as const;

export type Operation = (typeof operations)[number];

/** `template.argoWorkflow`. */
export const config = object(
  {
    source: optional(artifactConfig),
    operation: optional(
      choice(operations, {
        description:
          "submit makes the workflow that source holds; submit-from makes one of the WorkflowTemplate, ClusterWorkflowTemplate or CronWorkflow that it names; the others act with the workflow of its name.",
      }),
    ),
    parameters: optional(triggerParameters({ description: "Change the object; `dest` is relative to it." })),
    args: optional(
      list(text({ description: "One argument, such as -p or size=3." }), {
        description:
          "Flags of the argo command for the operation: --parameter (-p), --name, --generate-name, --labels (-l), --annotations, --entrypoint, --serviceaccount, --priority, --instanceid, --memoized, --node-field-selector, --message, --restart-successful. Others are refused.",
      }),
    ),
    server: optional(
      object(
        {
          url: text({ description: "Its base URL, such as https://argo-server.argo:2746. (extension)" }),
          token: optional(secretRef({ description: "Token to send as `Authorization: Bearer`. (extension)" })),
          tls: optional(tlsConfig({ description: "TLS towards it. (extension)" })),
        },
        { description: "The Argo Server, which retry and resubmit --memoized need. (extension)" },
      ),
    ),
  },
  { description: "Submits an Argo workflow, or steers one." },
);

export type ArgoWorkflowConfig = z.infer<typeof config>;
