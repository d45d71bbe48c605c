/** Strings in JSON: reading their escapes as gjson does, writing them as Go does, and Go's order of strings. */

const escapes: ReadonlyMap<string, string> = new Map([
  ["\\", "\\"],
  ["/", "/"],
  ["b", "\b"],
  ["f", "\f"],
  ["n", "\n"],
  ["r", "\r"],
  ["t", "\t"],
  ['"', '"'],
]);

/**
 * The text that the content of a JSON string stands for. Like gjson it stops at a control character or an unknown
 * escape and keeps what it has. A surrogate without its partner becomes U+FFFD.
 */
export function unescapeJson(content: string): string {
  let i = content.indexOf("\\");
  if (i < 0) return content;
  let text = "";
  let from = 0;
  for (i = 0; i < content.length; i++) {
    const code = content.charCodeAt(i);
    if (code < 0x20) return text + content.slice(from, i);
    if (code !== 0x5c) continue;
    text += content.slice(from, i);
    i++;
    const letter = content.charAt(i);
    const plain = escapes.get(letter);
    if (plain !== undefined) {
      text += plain;
    } else if (letter === "u" && i + 5 <= content.length) {
      const [units, length] = unicodeEscape(content, i + 1);
      text += units;
      i += length;
    } else {
      return text;
    }
    from = i + 1;
  }
  return text + content.slice(from);
}

/** The character of the four hex digits at `start`, joined with the low half of a pair where one follows. */
function unicodeEscape(content: string, start: number): readonly [text: string, length: number] {
  const unit = hex4(content, start);
  if (unit < 0xd800 || unit > 0xdfff) return [String.fromCharCode(unit), 4];
  const next = start + 4;
  if (content.length < next + 6 || content[next] !== "\\" || content[next + 1] !== "u") return ["\ufffd", 4];
  const low = hex4(content, next + 2);
  const paired = unit < 0xdc00 && low >= 0xdc00 && low <= 0xdfff;
  return [paired ? String.fromCharCode(unit, low) : "\ufffd", 10];
}

function hex4(content: string, start: number): number {
  const digits = content.slice(start, start + 4);
  return /^[\da-f]{4}$/i.test(digits) ? Number.parseInt(digits, 16) : 0;
}

/**
 * A JSON string as gjson and Go's `json.Marshal` write it: `<`, `>`, `&`, U+2028 and U+2029 as `\u` escapes, the rest
 * raw where JSON allows it. A lone surrogate, which stands for bytes that are not UTF-8, becomes `\ufffd`.
 */
export function quoteJson(text: string): string {
  const content = text
    .split(/\p{Surrogate}/u)
    .map(escapedContent)
    .join("\\ufffd");
  return `"${content}"`;
}

function escapedContent(text: string): string {
  return JSON.stringify(text)
    .slice(1, -1)
    .replace(/[<>&\u2028\u2029]/g, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

/** Orders like Go's `<` on strings: by UTF-8 bytes, which is by code points, not by UTF-16 units. */
export function compareText(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const x = a.charCodeAt(i);
    const y = b.charCodeAt(i);
    // Units from U+E000 on are smaller than any surrogate pair although their number is larger.
    if (x !== y) return x >= 0xd800 && y >= 0xd800 ? rank(x) - rank(y) : x - y;
  }
  return a.length - b.length;
}

function rank(unit: number): number {
  return unit >= 0xe000 ? unit - 0x2000 : unit + 0x800;
}

/** The number of UTF-8 bytes. */
export function utf8Length(text: string): number {
  let bytes = text.length;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code < 0x80) continue;
    // A surrogate is 2 of the 4 bytes of its pair.
    bytes += code < 0x800 || (code >= 0xd800 && code <= 0xdfff) ? 1 : 2;
  }
  return bytes;
}
