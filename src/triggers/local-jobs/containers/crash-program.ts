import { openContainerJobs } from "./docker-trial.ts";

/** For tests: a program that creates a Job, a container of docker or podman, and is killed then. Arguments: folder, program, the Job. */
const [folder = "", program = "", object = ""] = process.argv.slice(2);
const flavour = program === "podman" ? "podman" : "docker";
const jobs = await openContainerJobs(folder, { program, flavour });
const { signal } = new AbortController();
await jobs.create({ object: JSON.parse(object), namespace: "shop", key: "f1", folder, signal });
process.send?.("created");
