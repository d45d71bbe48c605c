import type { ReceivedSpan } from "./otel-receiver.ts";

/** The fields of one protobuf message, by number: numbers for varints, bytes for all else. */
type Fields = ReadonlyMap<number, readonly (bigint | Buffer)[]>;

/** An `ExportTraceServiceRequest` of OTLP 1.x: the wire format is read by field numbers of the published `.proto` files. */
export function decodeTraces(request: Buffer): readonly ReceivedSpan[] {
  return messages(request, 1).flatMap((resourceSpans) => {
    const resource = attributesOf(messages(resourceSpans, 1)[0] ?? none, 1);
    return messages(resourceSpans, 2).flatMap((scopeSpans) => {
      const schemaUrl = text(fieldsOf(scopeSpans), 3);
      return messages(scopeSpans, 2).map((span) => spanOf(span, { resource, schemaUrl }));
    });
  });
}

function spanOf(bytes: Buffer, of: Pick<ReceivedSpan, "resource" | "schemaUrl">): ReceivedSpan {
  const fields = fieldsOf(bytes);
  const status = fieldsOf(messages(bytes, 15)[0] ?? none);
  return {
    traceId: hex(fields, 1),
    spanId: hex(fields, 2),
    parentSpanId: hex(fields, 4),
    name: text(fields, 5),
    kind: number(fields, 6),
    startUs: fixed64(fields, 7),
    endUs: fixed64(fields, 8),
    attributes: attributesOf(bytes, 9),
    status: { code: number(status, 3), message: text(status, 2) },
    links: messages(bytes, 13).map((link) => ({ traceId: hex(fieldsOf(link), 1), spanId: hex(fieldsOf(link), 2) })),
    ...of,
  };
}

const none = Buffer.alloc(0);

function attributesOf(message: Buffer, field: number): Readonly<Record<string, unknown>> {
  return Object.fromEntries(
    messages(message, field).map((pair) => [text(fieldsOf(pair), 1), anyValue(messages(pair, 2)[0] ?? none)]),
  );
}

/** An `AnyValue`: string, bool, int or double. */
function anyValue(value: Buffer): unknown {
  const fields = fieldsOf(value);
  if (fields.has(1)) return text(fields, 1);
  if (fields.has(2)) return number(fields, 2) === 1;
  if (fields.has(3)) return number(fields, 3);
  return fields.has(4) ? bytesOf(fields, 4).readDoubleLE() : undefined;
}

function messages(message: Buffer, field: number): readonly Buffer[] {
  return (fieldsOf(message).get(field) ?? []).filter((value) => Buffer.isBuffer(value));
}

function bytesOf(fields: Fields, field: number): Buffer {
  const value = fields.get(field)?.[0];
  return Buffer.isBuffer(value) ? value : none;
}

function text(fields: Fields, field: number): string {
  return bytesOf(fields, field).toString();
}

function hex(fields: Fields, field: number): string {
  return bytesOf(fields, field).toString("hex");
}

function number(fields: Fields, field: number): number {
  const value = fields.get(field)?.[0];
  return typeof value === "bigint" ? Number(BigInt.asIntN(64, value)) : 0;
}

/** Nanoseconds, in microseconds. */
function fixed64(fields: Fields, field: number): number {
  return Number(bytesOf(fields, field).readBigUInt64LE() / 1000n);
}

function fieldsOf(message: Buffer): Fields {
  const fields = new Map<number, (bigint | Buffer)[]>();
  for (let at = 0; at < message.length; ) {
    const tag = varint(message, at);
    const field = Number(tag.value >> 3n);
    const values = fields.get(field) ?? [];
    fields.set(field, values);
    const read = valueAt(message, tag.end, Number(tag.value & 7n));
    values.push(read.value);
    at = read.end;
  }
  return fields;
}

function valueAt(message: Buffer, at: number, wire: number): { readonly value: bigint | Buffer; readonly end: number } {
  if (wire === 0) return varint(message, at);
  const prefix = wire === 2 ? varint(message, at) : undefined;
  const start = prefix?.end ?? at;
  const length = prefix === undefined ? { 1: 8, 5: 4 }[wire] : Number(prefix.value);
  if (length === undefined || start + length > message.length) throw new Error(`damaged protobuf at ${at}`);
  return { value: message.subarray(start, start + length), end: start + length };
}

function varint(message: Buffer, at: number): { readonly value: bigint; readonly end: number } {
  let value = 0n;
  for (let shift = 0n; ; shift += 7n) {
    const byte = message[at++];
    if (byte === undefined) throw new Error("damaged protobuf: it ends in a number");
    value |= BigInt(byte & 127) << shift;
    if (byte < 128) return { value, end: at };
  }
}
