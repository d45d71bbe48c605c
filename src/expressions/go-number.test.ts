import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { floatOrZero, formatFloat, parseBool, parseFloat64 } from "./go-number.ts";

/** Number, format, precision, and what strconv.FormatFloat of Go 1.26 printed. */
const formatted = [
  [0, "f", -1, "0"],
  [-0, "g", -1, "-0"],
  [1e21, "f", -1, "1000000000000000000000"],
  [1e21, "g", -1, "1e+21"],
  [123456, "g", -1, "123456"],
  [1234567, "g", -1, "1.234567e+06"],
  [0.0001, "g", -1, "0.0001"],
  [0.00001, "g", -1, "1e-05"],
  [1e-7, "f", -1, "0.0000001"],
  [100, "e", -1, "1e+02"],
  [1.25e-300, "e", -1, "1.25e-300"],
  [2.5, "f", 0, "2"],
  [3.5, "f", 0, "4"],
  [0.125, "f", 2, "0.12"],
  [0.375, "f", 2, "0.38"],
  [1.005, "f", 2, "1.00"],
  [0.1, "f", 20, "0.10000000000000000555"],
  [1e23, "f", 0, "99999999999999991611392"],
  [999.5, "f", 0, "1000"],
  [9.996, "e", 2, "1.00e+01"],
  [0, "e", 3, "0.000e+00"],
  [0.00001234, "g", 2, "1.2e-05"],
  [123456789, "g", 4, "1.235e+08"],
  [100, "g", 5, "100"],
  [1000000, "g", 7, "1000000"],
  [0.5, "g", 0, "0.5"],
  [5e-324, "e", 5, "4.94066e-324"],
  [5e-324, "g", -1, "5e-324"],
  [1.7976931348623157e308, "g", -1, "1.7976931348623157e+308"],
  [Number.POSITIVE_INFINITY, "f", -1, "+Inf"],
  [Number.NEGATIVE_INFINITY, "e", 2, "-Inf"],
  [Number.NaN, "g", 3, "NaN"],
  [-1.5, "f", 1, "-1.5"],
  [0.05, "f", 1, "0.1"],
  [0.04, "f", 0, "0"],
] as const;

/** Text, and what strconv.ParseFloat gave; undefined where it gave an error. */
const parsed = [
  ["1", 1],
  ["-1.5e3", -1500],
  ["+.5", 0.5],
  ["1.", 1],
  ["1_000.5", 1000.5],
  ["1_2.5_0e1_0", 125_000_000_000],
  ["0x1p-2", 0.25],
  ["0X1.8P+3", 12],
  ["0x.8p1", 1],
  ["0x_1_0p0", 16],
  ["-0x1p-1074", -5e-324],
  ["0x1p-1075", 0],
  ["0x1.8p-1075", 5e-324],
  ["0x1.00000000000008p0", 1],
  ["0x1.000000000000081p0", 1.0000000000000002],
  ["inf", Number.POSITIVE_INFINITY],
  ["-Infinity", Number.NEGATIVE_INFINITY],
  ["+INF", Number.POSITIVE_INFINITY],
  ["nan", Number.NaN],
  ["NaN", Number.NaN],
  ["1e-400", 0],
  ["-0", -0],
  ["1e999", undefined],
  ["0x1p1024", undefined],
  ["0x1", undefined],
  ["+nan", undefined],
  ["infin", undefined],
  ["1__0", undefined],
  ["_1", undefined],
  ["1_", undefined],
  ["1_.5", undefined],
  ["1._5", undefined],
  ["", undefined],
  [".", undefined],
  ["-", undefined],
  ["e5", undefined],
  [" 1", undefined],
  ["1 ", undefined],
  ["0b1", undefined],
  ["0o7", undefined],
  ["1,5", undefined],
  ["١", undefined],
] as const;

describe("numbers in Go's spelling", () => {
  it.each(formatted)("FormatFloat(%d, %s, %d) is %s", (n, format, precision, text) => {
    expect(formatFloat(n, format, precision)).toBe(text);
  });

  it.each(parsed)("ParseFloat(%j) is %d", (text, value) => {
    expect(parseFloat64(text)).toBe(value);
  });

  it("gives what Go code sees that ignores ParseFloat's error", () => {
    expect(floatOrZero("1e999")).toBe(Number.POSITIVE_INFINITY);
    expect(floatOrZero("-0x1p5000")).toBe(Number.NEGATIVE_INFINITY);
    expect(floatOrZero("abc")).toBe(0);
  });

  it("reads exactly the twelve words of ParseBool", () => {
    for (const text of ["1", "t", "T", "true", "TRUE", "True"]) expect(parseBool(text)).toBe(true);
    for (const text of ["0", "f", "F", "false", "FALSE", "False"]) expect(parseBool(text)).toBe(false);
    for (const text of ["", "tRUE", "yes", " 1", "constructor"]) expect(parseBool(text)).toBeUndefined();
  });

  it("reads back every double from each of its shortest forms", () => {
    fc.assert(
      fc.property(
        fc.double({ noNaN: true }),
        fc.constantFrom("f" as const, "g" as const, "e" as const),
        (n, format) => {
          expect(parseFloat64(formatFloat(n, format, -1))).toBe(n);
        },
      ),
    );
  });

  it("rejects long hostile text in linear time", () => {
    const digits = "1".repeat(1_000_000);
    const started = performance.now();
    for (const text of [`${digits}x`, `${digits}_`, `0x${digits}`, "1_".repeat(500_000)]) {
      expect(parseFloat64(text)).toBeUndefined();
    }
    expect(performance.now() - started).toBeLessThan(2000);
  });
});
