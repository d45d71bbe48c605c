/** The flags, width and precision between `%` and a verb. */
export interface Flags {
  readonly plus: boolean;
  readonly minus: boolean;
  readonly sharp: boolean;
  readonly space: boolean;
  readonly zero: boolean;
  readonly width: number | undefined;
  readonly precision: number | undefined;
  /** `%#v`: Go syntax. */
  readonly sharpV: boolean;
}

export const PLAIN: Flags = {
  plus: false,
  minus: false,
  sharp: false,
  space: false,
  zero: false,
  width: undefined,
  precision: undefined,
  sharpV: false,
};

/** Fills up to the width, which counts characters. */
export function pad(text: string, flags: Flags): string {
  if (flags.width === undefined || flags.width === 0) return text;
  const missing = flags.width - lengthInRunes(text);
  if (missing <= 0) return text;
  if (flags.minus) return text + " ".repeat(missing);
  return (flags.zero ? "0" : " ").repeat(missing) + text;
}

function lengthInRunes(text: string): number {
  let length = 0;
  for (const _ of text) length += 1;
  return length;
}
