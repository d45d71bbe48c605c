import { createSign, generateKeyPair, type KeyObject, randomBytes } from "node:crypto";
import { promisify } from "node:util";

/** A key and the self-signed certificate of its public half. */
export interface Identity {
  readonly privateKey: KeyObject;
  /** X.509 version 1, PEM. */
  readonly certificate: string;
}

const oid = {
  sha256WithRsa: [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0b],
  commonName: [0x55, 0x04, 0x03],
} as const;

const tag = { integer: 0x02, bits: 0x03, null: 0x05, oid: 0x06, text: 0x0c, utcTime: 0x17, sequence: 0x30, set: 0x31 };

/** One DER element: tag, definite length, content. */
function der(kind: number, ...content: readonly (Uint8Array | readonly number[])[]): Buffer {
  const body = Buffer.concat(content.map((part) => Uint8Array.from(part)));
  if (body.length < 0x80) return Buffer.concat([Buffer.from([kind, body.length]), body]);
  const length = Buffer.from(body.length.toString(16).padStart(body.length > 0xff ? 4 : 2, "0"), "hex");
  return Buffer.concat([Buffer.from([kind, 0x80 | length.length]), length, body]);
}

/** UTCTime (two-digit year) is what X.509 asks for up to 2049. */
function utcTime(date: Date): Buffer {
  return der(tag.utcTime, Buffer.from(`${date.toISOString().slice(2, 19).replace(/[-:T]/g, "")}Z`));
}

/**
 * Makes an RSA key of 2048 bits and a certificate for it, valid from an hour before `now` for 30 days.
 * node:crypto reads X.509 but does not write it, and a machine that runs the examples need not have openssl.
 */
export async function makeIdentity(commonName: string, now: Date): Promise<Identity> {
  const { privateKey, publicKey } = await promisify(generateKeyPair)("rsa", { modulusLength: 2048 });
  const hourMs = 3_600_000;
  const algorithm = der(tag.sequence, der(tag.oid, oid.sha256WithRsa), der(tag.null));
  const attribute = der(tag.sequence, der(tag.oid, oid.commonName), der(tag.text, Buffer.from(commonName)));
  const name = der(tag.sequence, der(tag.set, attribute));
  // the first byte keeps the serial number positive and without a leading zero
  const serial = der(tag.integer, [0x4d], randomBytes(15));
  const validity = der(
    tag.sequence,
    utcTime(new Date(now.getTime() - hourMs)),
    utcTime(new Date(now.getTime() + 30 * 24 * hourMs)),
  );
  const key = publicKey.export({ type: "spki", format: "der" });
  const signed = der(tag.sequence, serial, algorithm, name, validity, name, key);
  const signature = createSign("RSA-SHA256").update(signed).sign(privateKey);
  const whole = der(tag.sequence, signed, algorithm, der(tag.bits, [0], signature));
  const lines = whole.toString("base64").match(/.{1,64}/g) ?? [];
  return {
    privateKey,
    certificate: `-----BEGIN CERTIFICATE-----\n${lines.join("\n")}\n-----END CERTIFICATE-----\n`,
  };
}
