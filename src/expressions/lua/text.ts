import { fromBytes, isAscii, toBytes } from "../go-text.ts";

/**
 * A Lua string is bytes. Here it is a JavaScript string of units 0 to 255, one per byte: comparing, cutting and joining
 * are JavaScript's own, and ASCII text is the same string on both sides.
 */
export type LuaText = string;

/** The bytes of a text in UTF-8; halves of surrogate pairs become U+FFFD, as Go decodes JSON. */
export function toLua(text: string): LuaText {
  return isAscii(text) ? text : Buffer.from(text.toWellFormed(), "utf8").toString("latin1");
}

/** The text of these bytes in the form of go-text.ts, where bytes that are not UTF-8 are kept as lone surrogates. */
export function toGoText(text: LuaText): string {
  return isAscii(text) ? text : fromBytes(Buffer.from(text, "latin1"));
}

/** The reverse of `toGoText`. */
export function fromGoText(text: string): LuaText {
  return isAscii(text) ? text : Buffer.from(toBytes(text)).toString("latin1");
}
