import type { Schema } from "../../kit/fields.ts";
import { flag, optional, text } from "../../kit/fields.ts";
import { backoff, commonSourceFields, tlsConfig } from "../../kit/schemas.ts";
import type { Finding } from "../../lib/finding.ts";

/**
 * A type of the reference (1.6, 4) that has no connector yet: known well enough to check a manifest, so that an entry of
 * it is `unsupported` and not `invalid`. A connector's own `Source` or `Trigger` replaces it.
 */
export interface DescribedType {
  readonly kind: string;
  /** The word in `context.type` where it is not `kind`. */
  readonly type?: string;
  readonly title: string;
  readonly summary: string;
  readonly config: Schema<unknown>;
  /** Rules across fields; paths are relative to the configuration. Pure. */
  readonly lint: (config: unknown) => Iterable<Finding>;
}

interface Described<C> extends Omit<DescribedType, "config" | "lint"> {
  readonly config: Schema<C>;
  lint?(config: C): Iterable<Finding>;
}

/** Keeps the configuration's type while a description is written. `lint` only ever sees what the schema accepted. */
export function describe<C>(described: Described<C>): DescribedType {
  return { ...described, lint: (config) => described.lint?.(config as C) ?? [] };
}

/** Metadata, filter, jsonBody, connectionBackoff and tls: what most brokers' entries have. */
export const brokerFields = {
  ...commonSourceFields,
  jsonBody: optional(flag({ description: "The message is JSON, and becomes a part of the event's data as it is." })),
  connectionBackoff: optional(backoff({ description: "Pauses between tries to connect." })),
  tls: optional(tlsConfig({ description: "TLS towards the server." })),
} as const;

/** A field of text with its description. */
export function word(description: string) {
  return optional(text({ description }));
}

/** A field that is true or false. */
export function toggle(description: string) {
  return optional(flag({ description }));
}
