import { filesOf } from "./attempt.ts";
import { folderOf, type Job } from "./job.ts";
import { type LogText, tail } from "./logs.ts";

/** The end of the log of one container. */
export type ContainerLog = LogText & { readonly container: string };

/** Which logs of a job are wanted: those of the last attempt by default, and 64 KiB of each. */
export interface LogWish {
  readonly attempt?: number | undefined;
  readonly maxBytes?: number | undefined;
}

/** The end of each log of one attempt, in the order of its containers. */
export function logsOf(
  { record, spec }: Pick<Job, "record" | "spec">,
  dir: string,
  { attempt = record.begun, maxBytes = 64 * 1024 }: LogWish,
): Promise<readonly ContainerLog[]> {
  const folder = folderOf(dir, record);
  return Promise.all(
    [...spec.initContainers, ...spec.containers].map(async ({ name: container }) => ({
      container,
      ...(await tail(`${filesOf(folder, attempt, container)}.log`, maxBytes)),
    })),
  );
}
