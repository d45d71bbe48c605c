const units: Readonly<Record<string, number>> = {
  n: 1e-9,
  u: 1e-6,
  m: 1e-3,
  "": 1,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  P: 1e15,
  E: 1e18,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
  Pi: 2 ** 50,
  Ei: 2 ** 60,
};

/** A quantity of Kubernetes (`500m`, `1.5Gi`, `1e3`) as a number; undefined when it is none, or negative. */
export function parseQuantity(text: string | number): number | undefined {
  const match = /^\+?(\d{1,20}(?:\.\d{0,20})?|\.\d{1,20})(?:([numkMGTPE]|[KMGTPE]i)|[eE]([+-]?\d{1,2}))?$/.exec(
    String(text),
  );
  if (match === null) return undefined;
  const factor = match[3] === undefined ? (units[match[2] ?? ""] ?? Number.NaN) : 10 ** Number(match[3]);
  return Number(match[1]) * factor;
}
