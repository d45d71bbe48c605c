import { randomUUID } from "node:crypto";

/** A request of the AWS Query protocol: the flat form it was posted as. */
export type Form = Readonly<Record<string, string | undefined>>;

/** What goes back: an HTTP status and XML. */
export interface Answer {
  readonly status: number;
  readonly xml: string;
}

/** A message attribute as SNS takes it. `binary` is base64, as it came. */
export interface MessageAttribute {
  readonly type: string;
  readonly value: string;
}

export type MessageAttributes = ReadonlyMap<string, MessageAttribute>;

/** `PREFIX.1.key` / `PREFIX.1.value` pairs. */
export function pairsOf(form: Form, prefix: string): ReadonlyMap<string, string> {
  const pairs = new Map<string, string>();
  for (let n = 1; ; n++) {
    const key = form[`${prefix}.${n}.key`];
    if (key === undefined) return pairs;
    pairs.set(key, form[`${prefix}.${n}.value`] ?? "");
  }
}

/** Message attributes under `PREFIX.N.Name`, `PREFIX.N.Value.DataType` and so on. */
export function messageAttributesOf(form: Form, prefix: string): MessageAttributes {
  const attributes = new Map<string, MessageAttribute>();
  for (let n = 1; ; n++) {
    const at = `${prefix}.${n}`;
    const name = form[`${at}.Name`];
    if (name === undefined) return attributes;
    attributes.set(name, {
      type: form[`${at}.Value.DataType`] ?? "String",
      value: form[`${at}.Value.StringValue`] ?? form[`${at}.Value.BinaryValue`] ?? "",
    });
  }
}

const entities: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&apos;",
};

export function escapeXml(text: string): string {
  return text.replace(/[&<>"']/g, (c) => entities[c] ?? c);
}

/** The content of the first element `name`, still escaped; names, ids and ARNs never need unescaping. */
export function elementOf(xml: string, name: string): string | undefined {
  return xml.split(`<${name}>`, 2)[1]?.split(`</${name}>`, 1)[0];
}

/** The value of one `<entry><key>…</key><value>…</value></entry>` of an attribute answer. */
export function entryOf(xml: string, key: string): string | undefined {
  const after = xml.split(`<key>${key}</key>`, 2)[1];
  return after === undefined ? undefined : elementOf(after, "value");
}

const xmlns = "http://sns.amazonaws.com/doc/2010-03-31/";

export function done(action: string, result = ""): Answer {
  return {
    status: 200,
    xml:
      `<${action}Response xmlns="${xmlns}"><${action}Result>${result}</${action}Result>` +
      `<ResponseMetadata><RequestId>${randomUUID()}</RequestId></ResponseMetadata></${action}Response>`,
  };
}

export function refused(code: string, message: string, status = 400): Answer {
  return {
    status,
    xml:
      `<ErrorResponse xmlns="${xmlns}"><Error><Type>Sender</Type><Code>${code}</Code>` +
      `<Message>${escapeXml(message)}</Message></Error><RequestId>${randomUUID()}</RequestId></ErrorResponse>`,
  };
}
