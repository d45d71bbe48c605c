import type { Place, StartRequest } from "../runner.ts";
import { type ContainerParts, type PodParts, partsOf, podPartsOf } from "./container-spec.ts";
import { parseQuantity } from "./quantity.ts";

/** Labels by which a container of ours is known again. */
export const labels = {
  job: "tidemill.job",
  firing: "tidemill.firing",
  uid: "tidemill.uid",
  attempt: "tidemill.attempt",
  container: "tidemill.container",
} as const;

/** Its name is its place: a second one of the same place cannot be made, whoever asks. */
export function containerName({ uid, attempt, container }: Place): string {
  return `tidemill-${uid}-${attempt}-${container}`;
}

export function labelArguments(held: Readonly<Record<string, string>>): readonly string[] {
  return Object.entries(held).map(([key, value]) => `--label=${key}=${value}`);
}

export interface RunArguments {
  readonly args: readonly string[];
  /** Variables that the command line takes the values of from its own environment: so that no list of processes shows them. */
  readonly env: Readonly<Record<string, string>>;
}

/**
 * Variables that the command line itself, or what starts it, may look at. They come as arguments instead: a job that sets
 * `DOCKER_HOST` must not move itself to another engine.
 */
const ownVariable =
  /^(PATH|HOME|USER|LOGNAME|SHELL|PWD|LANG|LANGUAGE|TZ|TERM|TMPDIR|TMP|TEMP|CI|NO_COLOR|CLICOLOR.*|LC_.*|(BUILD|COMPOSE|CONTAINER|CONTAINERS|DBUS|DOCKER|DYLD|GO|GCONV|GPG|GIT|HTTP|KRB5|LD|MALLOC|NODE|OTEL|PODMAN|REGISTRY|SSH|SSL|STORAGE|SYSTEMD|XDG|_).*|(ALL|FTP|HTTPS?|NO)_PROXY|USERPROFILE|(LOCAL)?APPDATA|PROGRAMDATA|SYSTEMROOT)$/i;

/**
 * The arguments of `run`. Every value is part of one argument (`--env=NAME=VALUE`), no shell sees any of it, and all that
 * comes after the image is taken as it is. `mounts` are values of `--mount`.
 */
export function runArguments(
  request: StartRequest,
  engine: "docker" | "podman",
  mounts: readonly string[],
): RunArguments {
  const { place, container, spec, command } = request;
  const parts = partsOf(container);
  const pod = podPartsOf(spec.pod);
  const { env, envArgs } = variables(request);
  const args = [
    "run",
    "--detach",
    // that the image is there was seen to before
    "--pull=never",
    `--name=${containerName(place)}`,
    ...labelArguments({
      [labels.job]: place.job,
      [labels.firing]: place.key,
      [labels.uid]: place.uid,
      [labels.attempt]: String(place.attempt),
      [labels.container]: place.container,
    }),
    ...logArguments(engine),
    ...network(request, pod),
    ...limits(parts),
    ...security(parts, pod),
    ...mounts.map((mount) => `--mount=${mount}`),
    ...envArgs,
    ...(container.workingDir ? [`--workdir=${container.workingDir}`] : []),
    ...(parts.tty ? ["--tty"] : []),
    ...(command.length > 0 ? [`--entrypoint=${command[0]}`] : []),
    parts.image,
    ...command.slice(1),
    ...request.args,
  ];
  return { args, env };
}

/** The log is bounded on the engine's side too; its driver is named, since not every default can be read again. */
function logArguments(engine: "docker" | "podman"): readonly string[] {
  return engine === "docker"
    ? ["--log-driver=json-file", "--log-opt=max-size=10m", "--log-opt=max-file=2"]
    : ["--log-driver=k8s-file", "--log-opt=max-size=10mb"];
}

/** The containers of a pod reach each other at localhost: the later ones join the network of the first. */
function network({ beside, pod }: StartRequest, parts: PodParts): readonly string[] {
  if (parts.hostNetwork) return ["--network=host"];
  if (beside !== undefined) return [`--network=container:${containerName(beside)}`];
  const hosts = (parts.hostAliases ?? []).flatMap(({ ip, hostnames }) =>
    (hostnames ?? []).map((name) => `--add-host=${name}:${ip}`),
  );
  return [`--hostname=${parts.hostname || pod.name.slice(0, 63)}`, ...hosts];
}

function limits({ resources }: ContainerParts): readonly string[] {
  const { cpu, memory } = resources?.limits ?? {};
  const cpus = cpu === undefined ? undefined : parseQuantity(cpu);
  const bytes = memory === undefined ? undefined : parseQuantity(memory);
  return [
    // 1m is the least that Kubernetes knows, and 0 would be no limit
    ...(cpus ? [`--cpus=${Math.max(0.001, cpus).toFixed(3)}`] : []),
    // without the second as much again could be swapped out
    ...(bytes ? [`--memory=${Math.ceil(bytes)}`, `--memory-swap=${Math.ceil(bytes)}`] : []),
  ];
}

/** A container's own settings go before those of the pod. */
function security({ securityContext: own }: ContainerParts, { securityContext: pod }: PodParts): readonly string[] {
  const user = own?.runAsUser ?? pod?.runAsUser;
  const group = own?.runAsGroup ?? pod?.runAsGroup;
  const groups = [...(pod?.supplementalGroups ?? []), ...(typeof pod?.fsGroup === "number" ? [pod.fsGroup] : [])];
  const profile = own?.seccompProfile ?? pod?.seccompProfile;
  const set = (value: unknown) => value !== undefined && value !== null;
  return [
    // a group alone: of the user that Kubernetes' runtimes take then, root
    ...(set(user) || set(group) ? [`--user=${user ?? 0}${set(group) ? `:${group}` : ""}`] : []),
    ...groups.map((id) => `--group-add=${id}`),
    ...(own?.privileged ? ["--privileged"] : []),
    ...(own?.readOnlyRootFilesystem ? ["--read-only"] : []),
    ...(own?.allowPrivilegeEscalation === false ? ["--security-opt=no-new-privileges"] : []),
    ...(profile?.type === "Unconfined" ? ["--security-opt=seccomp=unconfined"] : []),
    ...(own?.capabilities?.drop ?? []).map((name) => `--cap-drop=${name}`),
    ...(own?.capabilities?.add ?? []).map((name) => `--cap-add=${name}`),
  ];
}

function variables({ env, place }: StartRequest): {
  readonly env: Readonly<Record<string, string>>;
  readonly envArgs: readonly string[];
} {
  const passed: [string, string][] = [];
  const envArgs: string[] = [];
  for (const [name, value] of [...env, ["TIDEMILL_FIRING_ID", place.key] as const]) {
    if (ownVariable.test(name)) {
      envArgs.push(`--env=${name}=${value}`);
    } else {
      passed.push([name, value]);
      envArgs.push(`--env=${name}`);
    }
  }
  return { env: Object.fromEntries(passed), envArgs };
}

/** One value of `--mount`: its fields are CSV. */
export function mountValue(fields: Readonly<Record<string, string>>, ...flags: readonly string[]): string {
  const all = [...Object.entries(fields).map(([key, value]) => `${key}=${value}`), ...flags];
  return all.map((field) => (/[",\n\r]/.test(field) ? `"${field.replaceAll('"', '""')}"` : field)).join(",");
}
