import { awsFields } from "../kit/aws.ts";
import { envelopeField } from "../kit/event-envelope.ts";
import { choice, flag, object, optional, secretRef, text, whole } from "../kit/fields.ts";
import { commonSourceFields } from "../kit/schemas.ts";

/** One entry of `sqs` (reference 1.6), and extensions. */
export const sqsConfig = object(
  {
    ...awsFields,
    sessionToken: optional(secretRef({ description: "Session token of temporary keys; read afresh each minute." })),
    queue: text({ description: "Name of the queue.", nonEmpty: true }),
    queueAccountId: optional(text({ description: "Account that owns the queue, if it is another one." })),
    waitTimeSeconds: optional(
      whole({ description: "How long one long poll waits, 0 to 20. Default 3; 0 means 3.", min: 0, max: 20 }),
    ),
    dlq: optional(
      flag({
        description: "Leave messages that cannot become events on the queue, for its redrive policy. Default: deleted.",
      }),
    ),
    jsonBody: optional(flag({ description: "The body is JSON and becomes `data.body` as such, not as base64." })),
    ...commonSourceFields,
    receivers: optional(whole({ description: "Long polls at the same time. Default 2. (extension)", min: 1, max: 32 })),
    visibilityTimeoutSeconds: optional(
      whole({
        description: "How long a received message stays hidden unless extended. Default 120. (extension)",
        min: 2,
        max: 43_200,
      }),
    ),
    envelope: envelopeField("The body"),
    ackPolicy: optional(
      choice(["onPublish", "onTriggered"], {
        description:
          "When a message is deleted: once the bus holds it (default), or once all its firings are done. (extension)",
      }),
    ),
    retryAfterSeconds: optional(
      whole({
        description:
          "How soon a message that is left on the queue (its firings failed, or `dlq`) is visible again. Default: when its visibility ends. (extension)",
        min: 0,
        max: 43_200,
      }),
    ),
  },
  { description: "A queue of AWS SQS." },
);

export type SqsConfig = ReturnType<typeof sqsConfig.parse>;
