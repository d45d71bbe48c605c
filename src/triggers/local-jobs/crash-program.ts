import { openJobs, shellJob } from "./job-trial.ts";

/**
 * For tests: a program with local jobs that creates Jobs, tells the name of each once it is created, and is killed then.
 * Arguments: folder, script, names.
 */
const [folder = "", script = "", ...names] = process.argv.slice(2);
const jobs = await openJobs(folder);
for (const name of names) {
  const object = shellJob(name, script, { spec: { backoffLimit: 1 } });
  await jobs.create({ object, namespace: "shop", key: `key-${name}`, folder, signal: new AbortController().signal });
  process.send?.(name);
}
