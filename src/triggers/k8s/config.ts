import type { z } from "zod";
import { choice, flag, object, optional, text } from "../../kit/fields.ts";
import { triggerParameters } from "../../kit/schemas.ts";
import { artifactConfig } from "../artifact.ts";

const operations = ["create", "update", "patch", "delete"] as const;

/** `template.k8s`. */
export const config = object(
  {
    source: optional(artifactConfig),
    operation: optional(choice(operations, { description: "What is done with the object. Default create." })),
    parameters: optional(triggerParameters({ description: "Change the object; `dest` is relative to it." })),
    patchStrategy: optional(
      text({
        description:
          "Content type of a patch: application/merge-patch+json (default), application/strategic-merge-patch+json, application/apply-patch+yaml, or application/json-patch+json, whose operations are a list under `patch` of the object.",
      }),
    ),
    liveObject: optional(flag({ description: "With update: parameters change the object that is in the cluster." })),
  },
  { description: "Acts with a Kubernetes object." },
);

export type K8sConfig = z.infer<typeof config>;
