import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  byteLength,
  compareText,
  fromBytes,
  lowerText,
  sliceBytes,
  titleRune,
  toBytes,
  upperText,
  wellFormed,
} from "./go-text.ts";

describe("strings as bytes", () => {
  it("any bytes survive the way to a string and back", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
        expect(Buffer.compare(toBytes(fromBytes(bytes)), bytes)).toBe(0);
        expect(byteLength(fromBytes(bytes))).toBe(bytes.length);
      }),
    );
  });

  it("slices are slices of the bytes", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 20 }), fc.nat(60), fc.nat(60), (text, a, b) => {
        const bytes = toBytes(text);
        const [start, end] = [Math.min(a, b, bytes.length), Math.min(Math.max(a, b), bytes.length)];
        expect(Buffer.compare(toBytes(sliceBytes(text, start, end)), bytes.subarray(start, end))).toBe(0);
      }),
    );
  });

  it("texts are ordered by their bytes", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 8 }), fc.string({ unit: "binary", maxLength: 8 }), (a, b) => {
        expect(Math.sign(compareText(a, b))).toBe(Buffer.compare(Buffer.from(a), Buffer.from(b)));
      }),
    );
  });

  it("a byte of a cut character is ordered as that byte", () => {
    const halves = ["é", sliceBytes("é", 0, 1), sliceBytes("é", 1), "\uffff", "😀", "a"];
    for (const a of halves) {
      for (const b of halves) expect(Math.sign(compareText(a, b))).toBe(Buffer.compare(toBytes(a), toBytes(b)));
    }
  });

  it("what is not UTF-8 is shown as U+FFFD, one per byte", () => {
    expect(wellFormed(fromBytes(Uint8Array.of(0x61, 0xe2, 0x82, 0x62)))).toBe("a\ufffd\ufffdb");
  });
});

describe("case", () => {
  it("is mapped rune by rune, as Go maps it", () => {
    expect(upperText("straße ﬁ ᾳ ŉ")).toBe("STRAßE ﬁ ᾼ ŉ");
    expect(lowerText("ΑΣ İ")).toBe("ας i".replace("ς", "σ"));
    expect(["ǆ", "ǳ", "ა", "é"].map(titleRune)).toEqual(["ǅ", "ǲ", "ა", "É"]);
  });
});
