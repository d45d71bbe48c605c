import { abortable } from "../../../lib/abort.ts";
import type { ContainerParts } from "./container-spec.ts";
import { type Engine, fault } from "./engine.ts";

/** Sees to it that images are there; several jobs that want the same one wait for one pull. */
export class Images {
  readonly #engine: Engine;
  readonly #pulling = new Map<string, Pull>();

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  /**
   * As `imagePullPolicy` says; without one an image that is there is taken, `latest` or not: one that was built here is in
   * no registry. Rejects with IMAGE_MISSING, IMAGE_REFUSED, CONTAINERS_AWAY or CONTAINERS_FAULT.
   */
  async see({ image, imagePullPolicy }: ContainerParts, signal: AbortSignal): Promise<void> {
    if (imagePullPolicy !== "Always") {
      const { code, stderr } = await this.#engine.call(["image", "inspect", "--format={{.Id}}", image], { signal });
      if (code === 0) return;
      if (imagePullPolicy === "Never") throw fault(`image ${image}, which is never pulled`, stderr);
    }
    await this.#pull(image, signal);
  }

  /** The last one that waits ends the pull when it goes. */
  async #pull(image: string, signal: AbortSignal): Promise<void> {
    const pull = this.#pulling.get(image) ?? this.#begin(image);
    pull.waiting += 1;
    try {
      await abortable(pull.done, signal);
    } finally {
      pull.waiting -= 1;
      if (pull.waiting === 0) pull.stop.abort(new Error("nobody waits for the image any more"));
    }
  }

  #begin(image: string): Pull {
    const stop = new AbortController();
    const done = (async () => {
      try {
        const { code, stderr } = await this.#engine.call(["pull", "--quiet", image], { signal: stop.signal });
        if (code !== 0) throw fault(`pulling image ${image}`, stderr);
      } finally {
        this.#pulling.delete(image);
      }
    })();
    const pull = { done, stop, waiting: 0 };
    this.#pulling.set(image, pull);
    return pull;
  }
}

interface Pull {
  readonly done: Promise<void>;
  readonly stop: AbortController;
  waiting: number;
}
