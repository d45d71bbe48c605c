import { awsFields } from "../kit/aws.ts";
import { envelopeField } from "../kit/event-envelope.ts";
import { flag, object, optional, text } from "../kit/fields.ts";
import { commonSourceFields, webhookContext } from "../kit/schemas.ts";

/** One entry of `sns` (reference 1.6), with three extensions. */
export const snsConfig = object(
  {
    ...awsFields,
    webhook: webhookContext({ description: "Where SNS delivers: port and path to serve, and the URL it calls." }),
    topicArn: text({ description: "ARN of the topic.", nonEmpty: true }),
    validateSignature: optional(
      flag({ description: "Take only messages that SNS signed for this topic; 403 for all others." }),
    ),
    ...commonSourceFields,
    envelope: envelopeField("The message"),
    rawMessageDelivery: optional(
      flag({
        description: "Subscribe for the bare messages, without SNS's envelope. They are not signed. (extension)",
      }),
    ),
    unsubscribeOnStop: optional(
      flag({ description: "End the subscription when the source stops: what is sent then is lost. (extension)" }),
    ),
  },
  { description: "A topic of AWS SNS, delivered over HTTP." },
);

export type SnsConfig = ReturnType<typeof snsConfig.parse>;
