import type { z } from "zod";
import { choice, flag, object, optional, secretRef, text } from "../../kit/fields.ts";
import { needs } from "../../kit/rules.ts";
import { triggerParameters } from "../../kit/schemas.ts";
import type { Finding } from "../../lib/finding.ts";
import { accountRules } from "../aws/account.ts";

/** `template.awsLambda` (reference 4, awsLambda). */
export const lambdaConfig = object(
  {
    functionName: optional(text({ description: "Name or ARN of the function; NAME:ALIAS for one version." })),
    region: optional(text({ description: "AWS region, such as us-east-1." })),
    accessKey: optional(
      secretRef({ description: "Access key id; needs secretKey. Without both, the usual AWS chain." }),
    ),
    secretKey: optional(secretRef({ description: "Secret access key; needs accessKey." })),
    sessionToken: optional(secretRef({ description: "Session token of temporary keys. (extension)" })),
    roleARN: optional(
      text({ description: "Role to assume with the credentials of the usual AWS chain; wins over keys." }),
    ),
    endpoint: optional(text({ description: "URL of the service instead of AWS's own. (extension)" })),
    payload: optional(
      triggerParameters({ description: "Builds the function's event, beginning with an empty object." }),
    ),
    parameters: optional(triggerParameters({ description: "Change these settings; `dest` is relative to them." })),
    invocationType: optional(
      choice(["", "RequestResponse", "Event", "DryRun"], {
        description:
          "RequestResponse (default) waits for the function's answer; Event queues the invocation; DryRun only checks the rights.",
      }),
    ),
    logTail: optional(
      flag({
        description: "Fetch the last 4 KiB of the function's log, to be shown with its failures. (extension)",
      }),
    ),
  },
  { description: "Invokes a function of AWS Lambda." },
);

export type LambdaConfig = z.infer<typeof lambdaConfig>;

export function* lintLambda(config: LambdaConfig): Iterable<Finding> {
  yield* needs(config, ["functionName", "region"]);
  // an empty list makes an empty body, as in Argo Events
  if (config.payload === undefined) yield* needs(config, ["payload"]);
  yield* accountRules(config);
}
