import type { Egress } from "../../kit/egress.ts";
import { object } from "../../kit/fields.ts";
import { defineTrigger } from "../../kit/trigger.ts";
import type { Clock } from "../../lib/clock.ts";
import { type ArtifactConfig, artifactConfig, readArtifact } from "../artifact.ts";
import { trial } from "../trial.ts";

export interface ArtifactTrial extends AsyncDisposable {
  /** One read, as at a firing: the object. */
  read(source: object, signal?: AbortSignal): Promise<unknown>;
}

const reader = defineTrigger<{ readonly source: ArtifactConfig }>({
  kind: "read",
  title: "",
  summary: "",
  example: "",
  config: object({ source: artifactConfig }, { description: "For tests." }),
  fire: async (call) => ({ said: await readArtifact(call.config.source, call) }),
});

/** For tests of artifacts: what is kept between firings lives as long as the trial. Secrets are named `name/key`. */
export async function artifactTrial(
  options: {
    readonly secrets?: Record<string, string>;
    readonly clock?: Clock;
    readonly folder?: string;
    readonly egress?: Egress;
  } = {},
): Promise<ArtifactTrial> {
  const one = await trial(reader, { source: {} }, options);
  return {
    async read(source, signal) {
      const config = reader.config.parse({ source });
      const { said } = await one.fire({ config, ...(signal === undefined ? {} : { signal }) } as object);
      return JSON.parse(said ?? "");
    },
    [Symbol.asyncDispose]: () => one[Symbol.asyncDispose](),
  };
}
