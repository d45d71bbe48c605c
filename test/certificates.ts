import { generateKeyPairSync, type KeyObject, randomBytes, sign } from "node:crypto";

/** A certificate authority that issues certificates to clients, with all that OpenSSL asks of them. */
export interface Authority {
  /** PEM. */
  readonly certificate: string;
  issue(subject: Subject): Issued;
}

export interface Subject {
  readonly commonName: string;
  readonly dns?: readonly string[];
  readonly uris?: readonly string[];
  /** The end of its life; a day from now unless given. */
  readonly until?: Date;
}

/** PEM, both. */
export interface Issued {
  readonly cert: string;
  readonly key: string;
}

const dayMs = 86_400_000;
const sequence = 0x30;

/** One DER element. */
function der(tag: number, ...content: readonly (Uint8Array | readonly number[])[]): Buffer {
  const body = Buffer.concat(content.map((part) => Uint8Array.from(part)));
  if (body.length < 0x80) return Buffer.concat([Buffer.from([tag, body.length]), body]);
  const length = Buffer.from(body.length.toString(16).padStart(body.length > 0xff ? 4 : 2, "0"), "hex");
  return Buffer.concat([Buffer.from([tag, 0x80 | length.length]), length, body]);
}

const oids = {
  commonName: [0x55, 0x04, 0x03],
  subjectAltName: [0x55, 0x1d, 0x11],
  basicConstraints: [0x55, 0x1d, 0x13],
  ecdsaWithSha256: [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02],
} as const;

const oid = (name: keyof typeof oids): Buffer => der(0x06, oids[name]);
const time = (date: Date): Buffer =>
  der(0x17, Buffer.from(`${date.toISOString().slice(2, 19).replace(/[-:T]/g, "")}Z`));
const nameOf = (commonName: string): Buffer =>
  der(sequence, der(0x31, der(sequence, oid("commonName"), der(0x0c, Buffer.from(commonName)))));
const extension = (name: keyof typeof oids, value: Buffer): Buffer => der(sequence, oid(name), der(0x04, value));

export function makeAuthority(commonName: string): Authority {
  const own = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const write = (subject: Subject, publicKey: KeyObject, extensions: readonly Buffer[]): string => {
    const { until = new Date(Date.now() + dayMs) } = subject;
    const signed = der(
      sequence,
      der(0xa0, der(0x02, [2])),
      der(0x02, [0x4d], randomBytes(15)),
      der(sequence, oid("ecdsaWithSha256")),
      nameOf(commonName),
      der(sequence, time(new Date(until.getTime() - 2 * dayMs)), time(until)),
      nameOf(subject.commonName),
      publicKey.export({ type: "spki", format: "der" }),
      der(0xa3, der(sequence, ...extensions)),
    );
    const signature = sign("sha256", signed, own.privateKey);
    const whole = der(sequence, signed, der(sequence, oid("ecdsaWithSha256")), der(0x03, [0], signature));
    const lines = whole.toString("base64").match(/.{1,64}/g) ?? [];
    return `-----BEGIN CERTIFICATE-----\n${lines.join("\n")}\n-----END CERTIFICATE-----\n`;
  };
  return {
    certificate: write({ commonName }, own.publicKey, [
      extension("basicConstraints", der(sequence, der(0x01, [0xff]))),
    ]),
    issue(subject) {
      const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
      const names = [
        ...(subject.dns ?? []).map((name) => der(0x82, Buffer.from(name))),
        ...(subject.uris ?? []).map((name) => der(0x86, Buffer.from(name))),
      ];
      const extensions = names.length === 0 ? [] : [extension("subjectAltName", der(sequence, ...names))];
      const cert = write(subject, publicKey, [extension("basicConstraints", der(sequence)), ...extensions]);
      return { cert, key: String(privateKey.export({ type: "pkcs8", format: "pem" })) };
    },
  };
}
