import type { RunVerbOptions } from "./run.ts";
import { withRunOptions } from "./run.ts";
import type { Verb } from "./verb.ts";

export const dev: Verb = {
  examples: [
    "tidemill dev                         # the manifests of this folder: edits take effect, Jobs are processes",
    "tidemill dev ./manifests --data-dir /tmp/try",
    "tidemill dev ./manifests --ephemeral # nothing survives",
  ],
  declare(command, cx) {
    withRunOptions(command.argument("[PATH...]", "files, folders, globs of manifests; this folder by default")).action(
      async (paths: readonly string[], options: RunVerbOptions) => {
        const { develop } = await import("./develop.ts");
        cx.end(await develop(paths.length === 0 ? ["."] : paths, options, cx));
      },
    );
  },
};
