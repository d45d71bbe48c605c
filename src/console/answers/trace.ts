import { z } from "zod";
import type { TraceAnswer } from "../../runtime/trace-answer.ts";
import { id, time } from "./shared.ts";

const attributes = z.record(z.string(), z.union([z.string(), z.number(), z.boolean()]));
const traceId = z.string().regex(/^[\da-f]{32}$/);
const spanId = z.string().regex(/^[\da-f]{16}$/);

const span = z.strictObject({
  spanId,
  parentId: spanId.optional().meta({ description: "Absent at the root. One that is not here is outside." }),
  name: z.string(),
  kind: z.enum(["internal", "server", "client", "producer", "consumer"]),
  startedAt: time,
  endedAt: time,
  durationMs: z.number().min(0),
  running: z.literal(true).optional().meta({ description: "It has no end yet: `endedAt` is the moment of asking." }),
  error: z.string().optional().meta({ description: "Why it failed." }),
  attributes: attributes.meta({ description: "OpenTelemetry's conventions, and our own under `tidemill.`." }),
  links: z
    .array(z.strictObject({ traceId, spanId, attributes: z.exactOptional(attributes) }))
    .optional()
    .meta({ description: "Spans of other traces that it came of as well." }),
});

export const trace: z.ZodType<TraceAnswer> = z.strictObject({
  traceId,
  events: z
    .array(
      z.strictObject({
        id,
        namespace: z.string(),
        bus: z.string(),
        source: z.string().meta({ description: "Name of the EventSource." }),
        subject: z.string().meta({ description: "Name of the event." }),
        receivedAt: time,
      }),
    )
    .meta({ description: "By the time of their receipt." }),
  spans: z.array(span).meta({ description: "By the time of their start; a tree by `parentId`." }),
  notes: z.array(z.string()).meta({ description: "What limits the answer, or leads out of it." }),
  truncated: z.boolean().meta({ description: "There is more than --limit." }),
});
