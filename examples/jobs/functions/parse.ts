import { readFileSync } from "node:fs";
import { Ajv2020 } from "ajv/dist/2020.js";
import formats from "ajv-formats";
import { NonRetryableError } from "../../../src/kit/function.ts";
import type { Job } from "./job.ts";

// the file that the manifest checks the first stage with, and that the generator makes jobs by
const schema = JSON.parse(readFileSync(new URL("../job.schema.json", import.meta.url), "utf8")) as object;
const ajv = new Ajv2020({ strict: false });
formats.default(ajv);
const isJob = ajv.compile<Job>(schema);

/** A job from the body of a message. No other attempt reads it better: a body that is none is not tried again. */
export function parseJob(body: Buffer): Job {
  let value: unknown;
  try {
    value = JSON.parse(body.toString("utf8"));
  } catch (cause) {
    throw new NonRetryableError("the body is no JSON", { cause });
  }
  if (isJob(value)) return value;
  const [fault] = isJob.errors ?? [];
  const path = fault?.instancePath.slice(1).replaceAll("/", ".") || "the job";
  throw new NonRetryableError(`${path} ${fault?.message ?? "is not as the schema says"}`);
}
