import { createHash } from "node:crypto";
import { fromBytes, toBytes } from "../go-text.ts";
import { fn, type GoFunction } from "../go-value.ts";

/** Encodings and hashes. */
export const encoding: readonly (readonly [string, GoFunction])[] = [
  ["b64enc", fn(["string"], ([text]) => Buffer.from(toBytes(text)).toString("base64"))],
  ["b64dec", fn(["string"], ([text]) => decodeBase64(text))],
  ["b32enc", fn(["string"], ([text]) => encodeBase32(toBytes(text)))],
  ["b32dec", fn(["string"], ([text]) => decodeBase32(text))],
  ["sha1sum", fn(["string"], ([text]) => digest("sha1", text))],
  ["sha256sum", fn(["string"], ([text]) => digest("sha256", text))],
  ["sha512sum", fn(["string"], ([text]) => digest("sha512", text))],
  ["adler32sum", fn(["string"], ([text]) => String(adler32(toBytes(text))))],
];

function digest(algorithm: string, text: string): string {
  return createHash(algorithm).update(toBytes(text)).digest("hex");
}

function adler32(bytes: Uint8Array): number {
  let a = 1;
  let b = 0;
  for (const byte of bytes) {
    a = (a + byte) % 65_521;
    b = (b + a) % 65_521;
  }
  return b * 65_536 + a;
}

/** Go decodes strictly but for line ends; sprig gives the error's text as the result. */
function decodeBase64(text: string): string {
  const at = badBase64(text);
  if (at !== undefined) return `illegal base64 data at input byte ${at}`;
  return fromBytes(Buffer.from(text.replace(/[\r\n]/g, ""), "base64"));
}

/** The offset Go complains about, if it does. */
function badBase64(text: string): number | undefined {
  let inGroup = 0;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charAt(i);
    if (unit === "\r" || unit === "\n") continue;
    if (unit === "=") return badPadding(text, i, inGroup);
    if (!/[A-Za-z0-9+/]/.test(unit)) return i;
    inGroup = (inGroup + 1) % 4;
  }
  return inGroup === 0 ? undefined : text.length - inGroup;
}

function badPadding(text: string, at: number, inGroup: number): number | undefined {
  if (inGroup < 2) return at;
  let i = at + 1;
  const skipLines = (): void => {
    while (text.charAt(i) === "\r" || text.charAt(i) === "\n") i += 1;
  };
  if (inGroup === 2) {
    skipLines();
    if (i >= text.length) return text.length;
    if (text.charAt(i) !== "=") return i;
    i += 1;
  }
  skipLines();
  return i < text.length ? i : undefined;
}

const BASE32 = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

function encodeBase32(bytes: Uint8Array): string {
  let out = "";
  let bits = 0;
  let held = 0;
  for (const byte of bytes) {
    held = ((held << 8) | byte) & 0xffff;
    bits += 8;
    while (bits >= 5) {
      bits -= 5;
      out += BASE32.charAt((held >> bits) & 31);
    }
  }
  if (bits > 0) out += BASE32.charAt((held << (5 - bits)) & 31);
  return out.padEnd(Math.ceil(out.length / 8) * 8, "=");
}

function decodeBase32(text: string): string {
  const clean = text.replace(/[\r\n]/g, "");
  const { end, faultAt } = endOfBase32(clean);
  if (faultAt !== undefined) return `illegal base32 data at input byte ${faultAt}`;
  const body = clean.slice(0, end);
  const bytes: number[] = [];
  let bits = 0;
  let held = 0;
  for (const unit of body) {
    held = ((held << 5) | BASE32.indexOf(unit)) & 0xfff;
    bits += 5;
    if (bits >= 8) {
      bits -= 8;
      bytes.push((held >> bits) & 255);
    }
  }
  return fromBytes(Uint8Array.from(bytes));
}

/** Where the data end and their padding begins, or the place of the fault as Go counts it. */
function endOfBase32(text: string): { readonly end: number; readonly faultAt?: number } {
  let at = 0;
  while (at < text.length) {
    for (let inGroup = 0; inGroup < 8; inGroup++) {
      if (at >= text.length) return { end: at, faultAt: at - inGroup };
      const sign = text.charAt(at);
      at += 1;
      const left = text.length - at;
      if (sign === "=" && inGroup >= 2 && left < 8) {
        const faultAt = badBase32Padding(text, at, inGroup);
        return { end: at - 1, ...(faultAt === undefined ? {} : { faultAt }) };
      }
      if (!BASE32.includes(sign)) return { end: at, faultAt: at - 1 };
    }
  }
  return { end: at };
}

/** What stands behind complete padding is ignored, as in Go. */
function badBase32Padding(text: string, at: number, inGroup: number): number | undefined {
  if (text.length - at + inGroup < 7) return text.length;
  for (let k = 0; k < 7 - inGroup; k++) {
    if (at + k < text.length && text.charAt(at + k) !== "=") return at + k - 1;
  }
  return [3, 6].includes(inGroup) ? at - 1 : undefined;
}
