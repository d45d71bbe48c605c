import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { bodyRoomBytes, createBodyRoom, type HeldBody } from "./body-room.ts";

const never = (): never => {
  throw new Error("it is not full");
};

describe("the room for bodies", () => {
  test("is a 32nd of the memory, within bounds", () => {
    expect(bodyRoomBytes(2 ** 29)).toBe(16 * 2 ** 20);
    expect(bodyRoomBytes(64 * 2 ** 30)).toBe(32 * 2 ** 20);
    expect(bodyRoomBytes(2 ** 20)).toBe(8 * 2 ** 20);
    expect(bodyRoomBytes()).toBeGreaterThanOrEqual(8 * 2 ** 20);
  });

  test("is taken by what came, not by what was promised, and is free again once a request is answered", () => {
    let full = 0;
    const room = createBodyRoom(100, () => full++);
    const one = room.open();
    const other = room.open();
    expect(one.fits(100)).toBe(true);
    expect(other.take(60)).toBe(true);
    expect(one.take(40)).toBe(true);
    expect(one.take(1)).toBe(false);
    expect(room.usedBytes).toBe(100);
    other[Symbol.dispose]();
    other[Symbol.dispose]();
    expect(room.usedBytes).toBe(40);
    expect(one.take(60)).toBe(true);
    expect(full).toBe(1);
  });

  test("takes a body larger than itself when there is no other", () => {
    const room = createBodyRoom(100, never);
    using one = room.open();
    expect(one.fits(1_000)).toBe(true);
    for (let at = 0; at < 10; at++) expect(one.take(100)).toBe(true);
  });

  test("tells that it is full once, and again only after half of it was free", () => {
    let full = 0;
    const room = createBodyRoom(100, () => full++);
    const one = room.open();
    const two = room.open();
    one.take(40);
    two.take(50);
    expect([two.take(20), room.open().fits(20), full]).toEqual([false, false, 1]);
    two[Symbol.dispose]();
    expect(room.open().fits(70)).toBe(false);
    expect(full).toBe(2);
  });

  test("is never more than full while there are two, and empty when all have ended", () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(5), fc.nat(40), fc.boolean()), { maxLength: 60 }),
        (steps: readonly (readonly [number, number, boolean])[]) => {
          const room = createBodyRoom(100, () => undefined);
          const held = new Map<number, HeldBody>();
          for (const [who, bytes, ends] of steps) {
            const before = room.usedBytes;
            const one = held.get(who) ?? room.open();
            held.set(who, one);
            const took = one.take(bytes);
            expect(room.usedBytes).toBe(took ? before + bytes : before);
            if (ends) one[Symbol.dispose]();
          }
          for (const one of held.values()) one[Symbol.dispose]();
          expect(room.usedBytes).toBe(0);
        },
      ),
    );
  });
});
