import { type CallContext, CallFault, fn, type GoFunction, int } from "../go-value.ts";
import { checkedLength } from "./values.ts";

const DIGITS = "0123456789";
const LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const PRINTABLE = Array.from({ length: 95 }, (_, i) => String.fromCharCode(32 + i)).join("");

/** Random text. All of it comes from the caller's randomness, so it is not fit for secrets. */
export const random: readonly (readonly [string, GoFunction])[] = [
  ["randAlphaNum", fn(["int"], ([count], cx) => pick(LETTERS + DIGITS, count, cx))],
  ["randAlpha", fn(["int"], ([count], cx) => pick(LETTERS, count, cx))],
  ["randNumeric", fn(["int"], ([count], cx) => pick(DIGITS, count, cx))],
  ["randAscii", fn(["int"], ([count], cx) => pick(PRINTABLE, count, cx))],
  ["randBytes", fn(["int"], ([count], cx) => Buffer.from(bytes(count, cx)).toString("base64"))],
  ["randInt", fn(["int", "int"], ([from, to], cx) => int(between(from, to, cx)))],
  ["shuffle", fn(["string"], ([text], cx) => shuffle(text, cx))],
  ["uuidv4", fn([], (_, cx) => uuid(cx))],
];

function below(limit: number, cx: CallContext): number {
  return Math.min(limit - 1, Math.floor(cx.random() * limit));
}

function pick(alphabet: string, count: number, cx: CallContext): string {
  if (count <= 0) return "";
  checkedLength(count, cx.meter);
  let out = "";
  for (let i = 0; i < count; i++) out += alphabet.charAt(below(alphabet.length, cx));
  return out;
}

function bytes(count: number, cx: CallContext): Uint8Array {
  if (count < 0) throw new CallFault("runtime error: makeslice: len out of range");
  checkedLength(count, cx.meter);
  return Uint8Array.from({ length: count }, () => below(256, cx));
}

function between(from: number, to: number, cx: CallContext): number {
  if (to <= from) throw new CallFault("invalid argument to Intn");
  return from + below(to - from, cx);
}

function shuffle(text: string, cx: CallContext): string {
  const runes = Array.from(text);
  for (let i = runes.length - 1; i > 0; i--) {
    const j = below(i + 1, cx);
    const held = runes[i] ?? "";
    runes[i] = runes[j] ?? "";
    runes[j] = held;
  }
  return runes.join("");
}

function uuid(cx: CallContext): string {
  const raw = bytes(16, cx);
  raw[6] = ((raw[6] ?? 0) & 0x0f) | 0x40;
  raw[8] = ((raw[8] ?? 0) & 0x3f) | 0x80;
  const hex = Buffer.from(raw).toString("hex");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}
