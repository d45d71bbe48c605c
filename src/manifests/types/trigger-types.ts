import { flag, map, object, optional, secretRef, text } from "../../kit/fields.ts";
import { needs, present, someOf } from "../../kit/rules.ts";
import { type DescribedType, describe, word } from "./described.ts";
import { brokerTriggers } from "./trigger-brokers.ts";
import { parameters, payload, payloadRule } from "./trigger-fields.ts";

const openWhisk = describe({
  kind: "openWhisk",
  title: "OpenWhisk",
  summary: "Invokes an action.",
  config: object(
    {
      host: word("Host."),
      version: word("API version; v1 by default."),
      namespace: word("Namespace; _ by default."),
      authToken: optional(secretRef({ description: "Token." })),
      actionName: word("Action."),
      payload,
      parameters,
    },
    { description: "An OpenWhisk action." },
  ),
  lint: (config) => [...needs(config, ["host", "actionName"]), ...payloadRule(config)],
});

const custom = describe({
  kind: "custom",
  title: "Custom",
  summary: "Calls a gRPC server of your own.",
  config: object(
    {
      serverURL: word("Address of the gRPC server."),
      secure: optional(flag({ description: "With TLS; needs certSecret." })),
      certSecret: optional(secretRef({ description: "CA certificate (PEM)." })),
      serverNameOverride: word("Name in the certificate."),
      spec: optional(map(text({ description: "Value." }), { description: "What the server is given." })),
      parameters,
      payload,
    },
    { description: "A gRPC trigger server." },
  ),
  lint(config) {
    const found = [...needs(config, ["serverURL"]), ...someOf(config, ["spec"])];
    if (config.secure && !present(config.certSecret)) found.push(...needs(config, ["certSecret"]));
    return found;
  },
});

/** The trigger types without a connector yet. */
export const describedTriggers: readonly DescribedType[] = [...brokerTriggers, openWhisk, custom];
