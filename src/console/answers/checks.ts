import { z } from "zod";
import type { FindingJson } from "../../manifests/render.ts";
import type { TestAnswer } from "../../rehearsal/run-file.ts";
import type { HandedIn } from "../../runtime/hand-in.ts";
import { count, id, receipt } from "./shared.ts";
import { clause } from "./why.ts";

export const handedIn: z.ZodType<HandedIn> = z.strictObject({
  receipt: z.strictObject({
    id,
    outcome: receipt,
    reason: z.string().optional(),
    faults: z
      .array(z.strictObject({ path: z.string(), message: z.string() }))
      .optional()
      .meta({ description: "Where the data is not as its schema says." }),
  }) as z.ZodType<HandedIn["receipt"]>,
  settled: z.enum(["done", "failed"]).optional().meta({ description: "Only with --wait, and when it ended in time." }),
});

export const finding: z.ZodType<FindingJson> = z.strictObject({
  file: z.string(),
  line: count,
  column: count,
  severity: z.enum(["error", "warning"]),
  code: z.string(),
  message: z.string(),
  fix: z.string(),
});

const place = { file: z.string(), line: count, column: count };

export const testAnswer: z.ZodType<TestAnswer> = z.strictObject({
  passed: count,
  failed: count,
  tests: z.array(
    z.strictObject({
      file: z.string(),
      line: count,
      name: z.string(),
      passed: z.boolean(),
      failures: z.array(z.strictObject({ ...place, message: z.string() })),
      tookMs: count.meta({ description: "Of real time; the test's own clock is not." }),
    }),
  ),
  invalid: z.array(finding).meta({ description: "Why files could not be run." }),
  coverage: z.exactOptional(
    z.strictObject({
      covered: count.meta({ description: "Filters that were seen to pass and to refuse." }),
      filters: z.array(
        z.strictObject({
          ...place,
          sensor: z.string(),
          dependency: z.string(),
          kind: clause.shape.kind,
          index: count,
          seen: z.strictObject({ passed: z.boolean(), filtered: z.boolean() }),
        }),
      ),
    }),
  ),
});
