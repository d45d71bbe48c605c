import type { z } from "zod";
import { flag, list, object, optional, secretRef, text, whole } from "../../kit/fields.ts";
import { badValue, needs, tlsRules } from "../../kit/rules.ts";
import { tlsConfig, triggerParameters } from "../../kit/schemas.ts";
import type { Finding } from "../../lib/finding.ts";

const word = (description: string) => optional(text({ description }));

/** `template.email` (reference 4, email). */
export const emailConfig = object(
  {
    parameters: optional(triggerParameters({ description: "Change these settings; `dest` is relative to them." })),
    username: word("User name; without one there is no login."),
    smtpPassword: optional(secretRef({ description: "Password." })),
    host: word("SMTP server."),
    port: optional(whole({ description: "Its port; 465 is TLS from the start. Default 587." })),
    to: optional(list(text({ description: "Address." }), { description: "Addresses; each gets a mail of its own." })),
    from: word("Sender; the user name by default."),
    subject: word("Subject."),
    body: word("Text."),
    tls: optional(tlsConfig({ description: "Certificates of the server and ours (extension)." })),
    requireTLS: optional(
      flag({
        description:
          "true: no mail without TLS; false: a login without it too (extension). By default a login needs TLS unless the server is this machine.",
      }),
    ),
  },
  { description: "A mail." },
);

export type EmailConfig = z.infer<typeof emailConfig>;

export function* lintEmail(config: EmailConfig): Iterable<Finding> {
  yield* needs(config, ["host"]);
  const { port, to, from, parameters } = config;
  if (port !== undefined && (port < 0 || port > 65_535))
    yield badValue(["port"], `${port} is no port`, "Write a number from 0 to 65535.");
  if (parameters === undefined) {
    for (const [index, address] of (to ?? []).entries()) {
      if (!isAddress(address))
        yield badValue(["to", index], `${JSON.stringify(address)} is no address`, "Write it as ada@example.org.");
    }
    if (from && !isAddress(mailboxOf(from)))
      yield {
        ...badValue(["from"], `${JSON.stringify(from)} is no address`, "Write it as ada@example.org."),
        severity: "warning",
      };
  }
  yield* tlsRules(config.tls, ["tls"]);
}

/** One mailbox: nothing that a server could read as several, or as a command of its own. */
export function isAddress(text: string): boolean {
  return text.length <= 320 && /^[^\s@<>(),;:"\\[\]]+@[^\s@<>(),;:"\\[\]]+$/.test(text);
}

/** `Ada <ada@example.org>` → `ada@example.org` */
export function mailboxOf(from: string): string {
  return /<([^<>]*)>\s*$/.exec(from)?.[1] ?? from;
}
