import { placeOf } from "../kit/egress-place.ts";
import { defineTrigger } from "../kit/trigger.ts";
import { TideError } from "../lib/errors.ts";
import { checkedConfig } from "./aws/message.ts";
import { type EmailConfig, emailConfig, isAddress, lintEmail, mailboxOf } from "./email/config.ts";
import { type Mail, type Mailer, openMailer } from "./email/mailer.ts";

/**
 * Sends a mail to each address (reference 4, email; T2 is mended: parameters of the type itself have effect, and a retry
 * does not send again to those who have theirs, as far as the process remembers). A password goes over TLS, or to this
 * machine, or nowhere, unless `requireTLS` is false.
 */
export const email = defineTrigger<EmailConfig, Mailer>({
  kind: "email",
  title: "E-mail",
  summary: "Sends a mail to each address by SMTP.",
  example: `apiVersion: argoproj.io/v1alpha1
kind: Sensor
metadata:
  name: orders
spec:
  dependencies:
    - name: order
      eventSourceName: shop
      eventName: order
  triggers:
    - template:
        name: tell
        email:
          host: smtp.example.org
          port: 587
          username: shop
          smtpPassword:
            name: smtp
            key: password
          from: shop@example.org
          to:
            - ada@example.org
          subject: An order came in
          body: An order came in
      parameters:
        - src:
            dependencyName: order
            dataTemplate: "Order {{ .Input.body.id }} came in"
          dest: email.body
`,
  config: emailConfig,
  lint: lintEmail,
  connectionKey: ({ host, port, username, smtpPassword, tls, requireTLS }) =>
    JSON.stringify([host, port, username, smtpPassword, tls, requireTLS]),
  target: ({ host, port = 587 }) => `${host ?? ""}:${port}`,
  reaches: ({ host, port = 587 }) => (host ? [placeOf(host, port)] : []),
  connect: openMailer,
  async fire({ client, config, key, signal }) {
    const mails = mailsOf(config);
    await client.send(mails, { key, signal });
    return { said: `sent to ${mails.map(({ to }) => to).join(", ")}`.slice(0, 500) };
  },
  render({ config }) {
    const { from, subject, text } = mailsOf(config)[0] ?? { from: "", subject: "", text: "" };
    return { from, to: config.to ?? [], subject, text };
  },
});

/** Throws MESSAGE_INVALID. */
function mailsOf(given: EmailConfig): readonly Mail[] {
  const config = checkedConfig(emailConfig, "email", given);
  const { host, username, to = [], subject = "", body = "" } = config;
  const from = config.from || username || "";
  const mailbox = mailboxOf(from);
  const invalid = (what: string): TideError => new TideError("MESSAGE_INVALID", what);
  if (!host) throw invalid("there is no host");
  if (to.length === 0) throw invalid("there is nobody to send it to");
  if (!isAddress(mailbox) || /[\r\n]/.test(from)) throw invalid(`the sender ${JSON.stringify(from)} is no address`);
  for (const address of to) if (!isAddress(address)) throw invalid(`${JSON.stringify(address)} is no address`);
  // each once, however often it is named
  return [...new Set(to)].map((address) => ({ from, mailbox, to: address, subject, text: body }));
}
