import { optional } from "../../kit/fields.ts";
import { needs } from "../../kit/rules.ts";
import { tlsConfig, triggerParameters } from "../../kit/schemas.ts";

/* What several trigger types have. */

export const payload = optional(triggerParameters({ description: "Builds the body." }));
export const parameters = optional(
  triggerParameters({ description: "Values of the events put into this type's fields." }),
);
export const tls = optional(tlsConfig({ description: "TLS towards the server." }));

/** It must be there; an empty list makes an empty body, as in Argo Events. */
export function payloadRule(config: { readonly payload?: unknown }) {
  return config.payload === undefined ? needs(config, ["payload"]) : [];
}
