import { TideError } from "../lib/errors.ts";
import { type Env, textOf } from "./otlp-options.ts";
import { createSampler, type Sampler, type SamplerName, samplerNames } from "./sampling.ts";

/** `OTEL_TRACES_SAMPLER` and `OTEL_TRACES_SAMPLER_ARG`. Rejects with OTLP_OPTIONS_BAD. */
export function samplerOf(env: Env): Sampler {
  const name = textOf(env.OTEL_TRACES_SAMPLER) ?? "parentbased_always_on";
  if (!isSampler(name))
    throw new TideError(
      "OTLP_OPTIONS_BAD",
      `OTEL_TRACES_SAMPLER is ${JSON.stringify(name)}; write one of ${samplerNames.join(", ")}`,
    );
  const ratio = Number(textOf(env.OTEL_TRACES_SAMPLER_ARG) ?? 1);
  if (name.endsWith("traceidratio") && !(ratio >= 0 && ratio <= 1))
    throw new TideError("OTLP_OPTIONS_BAD", "OTEL_TRACES_SAMPLER_ARG is no number from 0 to 1");
  return createSampler(name, ratio);
}

function isSampler(name: string): name is SamplerName {
  return (samplerNames as readonly string[]).includes(name);
}
