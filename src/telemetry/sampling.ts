/** Whether a trace is kept from its start: by whoever began it, or by its id. */
export interface Sampler {
  /** Nothing is kept, not even what went wrong: there is nothing to export. */
  readonly off: boolean;
  /** `sampled` is the flag that the event brought; undefined where it began the trace. */
  keeps(place: { readonly traceId: string; readonly sampled?: boolean | undefined }): boolean;
}

/** The values of `OTEL_TRACES_SAMPLER` that are known; the standard's default is the first. */
export const samplerNames = [
  "parentbased_always_on",
  "parentbased_always_off",
  "parentbased_traceidratio",
  "always_on",
  "always_off",
  "traceidratio",
] as const;

export type SamplerName = (typeof samplerNames)[number];

/**
 * A sampler of the OpenTelemetry specification. `ratio` is the share that `traceidratio` keeps, by the last 52 bits of the
 * trace id as the specification's consistent probability sampling does it: all parts of a trace come to the same answer.
 */
export function createSampler(name: SamplerName, ratio = 1): Sampler {
  const byParent = name.startsWith("parentbased_");
  const root = byParent ? name.slice("parentbased_".length) : name;
  const ofRoot = rootSampler(root, ratio);
  return {
    off: name === "always_off",
    keeps: ({ traceId, sampled }) => (byParent && sampled !== undefined ? sampled : ofRoot(traceId)),
  };
}

function rootSampler(name: string, ratio: number): (traceId: string) => boolean {
  if (name === "always_on") return () => true;
  if (name === "always_off") return () => false;
  const least = (1 - ratio) * 2 ** 52;
  return (traceId) => Number.parseInt(traceId.slice(-13), 16) >= least;
}
