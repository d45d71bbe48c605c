import { choice, flag, list, map, object, optional, secretRef, text, whole } from "../../kit/fields.ts";
import { badValue, needs, present, someOf } from "../../kit/rules.ts";
import { type DescribedType, describe, toggle, word } from "./described.ts";
import { brokerTriggers } from "./trigger-brokers.ts";
import { parameters, payload, payloadRule } from "./trigger-fields.ts";

/** JSON in a text; with parameters the text is only what they change. */
function jsonRule<K extends string>(
  config: { readonly [key in K]?: string | undefined } & { readonly parameters?: unknown },
  key: K,
) {
  const text = config[key];
  if (text === undefined || text === "" || config.parameters !== undefined) return [];
  try {
    JSON.parse(text);
    return [];
  } catch {
    return [badValue([key], `${key} is no JSON`, "Write a JSON list as text.")];
  }
}

const awsLambda = describe({
  kind: "awsLambda",
  title: "AWS Lambda",
  summary: "Invokes a function.",
  config: object(
    {
      functionName: word("Function."),
      accessKey: optional(secretRef({ description: "Access key id." })),
      secretKey: optional(secretRef({ description: "Secret access key." })),
      region: word("Region."),
      payload,
      parameters,
      invocationType: optional(
        choice(["", "RequestResponse", "Event", "DryRun"], { description: "RequestResponse by default." }),
      ),
      roleARN: word("Role to assume."),
    },
    { description: "An AWS Lambda function." },
  ),
  lint: (config) => [...needs(config, ["functionName", "region"]), ...payloadRule(config)],
});

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

const slack = describe({
  kind: "slack",
  title: "Slack",
  summary: "Sends a message.",
  config: object(
    {
      parameters,
      slackToken: optional(secretRef({ description: "Token of the app." })),
      channel: word("Channel."),
      message: word("Text."),
      attachments: word("Attachments, as JSON text."),
      blocks: word("Blocks, as JSON text."),
      thread: optional(
        object(
          {
            messageAggregationKey: word("Messages of one key make a thread."),
            broadcastMessageToChannel: toggle("Also show it in the channel."),
          },
          { description: "Thread." },
        ),
      ),
      sender: optional(
        object({ username: word("Name shown."), icon: word("Icon: an emoji or a URL.") }, { description: "Sender." }),
      ),
    },
    { description: "A Slack message." },
  ),
  lint: (config) => [
    ...needs(config, ["slackToken"]),
    ...(["attachments", "blocks"] as const).flatMap((key) => jsonRule(config, key)),
  ],
});

const email = describe({
  kind: "email",
  title: "Email",
  summary: "Sends a mail to each address.",
  config: object(
    {
      parameters,
      username: word("User name."),
      smtpPassword: optional(secretRef({ description: "Password." })),
      host: word("SMTP server."),
      port: optional(whole({ description: "Its port." })),
      to: optional(list(text({ description: "Address." }), { description: "Addresses." })),
      from: word("Sender."),
      subject: word("Subject."),
      body: word("Text."),
    },
    { description: "A mail." },
  ),
  lint(config) {
    const found = needs(config, ["host"]);
    if (config.port !== undefined && (config.port < 0 || config.port > 65_535)) {
      found.push(badValue(["port"], `${config.port} is no port`, "Write a number from 0 to 65535."));
    }
    config.to?.forEach((address, index) => {
      if (!/^\S+@\S+$/.test(address))
        found.push(badValue(["to", index], `${JSON.stringify(address)} is no address`, "Write it as ada@example.org."));
    });
    return found;
  },
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
export const describedTriggers: readonly DescribedType[] = [
  ...brokerTriggers,
  awsLambda,
  openWhisk,
  slack,
  custom,
  email,
];
