import { chmod, mkdir, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { type JobValues, NotReady } from "../job-env.ts";
import type { JobSpec } from "../job-spec.ts";
import type { StartRequest } from "../runner.ts";
import { isTmpfs, type KeyFiles, partsOf, podPartsOf, type Volume } from "./container-spec.ts";
import { parseQuantity } from "./quantity.ts";
import { mountValue } from "./run-arguments.ts";

type Request = Pick<StartRequest, "place" | "container" | "spec">;

/** The volume of an `emptyDir`: it lives as long as the pod would, which OnFailure keeps over attempts. */
function volumeName({ place, spec }: Request, volume: string): string {
  const pod = spec.restartPolicy === "Never" ? String(place.attempt) : "0";
  return `tidemill-${place.uid}-${pod}-volume-${volume}`;
}

/** Where the files of a Secret or ConfigMap are, beside the container's log: the folder above is private to us. */
function filesFolder({ place }: Request, volume: string): string {
  return path.join(path.dirname(place.files), `${place.attempt}.volumes`, volume);
}

function volumesOf(spec: JobSpec): ReadonlyMap<string, Volume> {
  return new Map((podPartsOf(spec.pod).volumes ?? []).map((one) => [one.name, one]));
}

/** Volumes that are to be made before the container is. */
export function namedVolumes(request: Request): readonly string[] {
  const volumes = volumesOf(request.spec);
  const names = (partsOf(request.container).volumeMounts ?? []).flatMap(({ name }) => {
    const { emptyDir } = volumes.get(name) ?? {};
    return emptyDir && !isTmpfs(request.spec, name, emptyDir.medium) ? [volumeName(request, name)] : [];
  });
  return [...new Set(names)];
}

export function hasNamedVolumes(spec: JobSpec): boolean {
  return [...volumesOf(spec).values()].some(({ emptyDir }) => emptyDir);
}

/** The values of `--mount`, as the container asks for them. */
export function mountsOf(request: Request): readonly string[] {
  const volumes = volumesOf(request.spec);
  return (partsOf(request.container).volumeMounts ?? []).flatMap(({ name, mountPath, readOnly, subPath }) => {
    const volume = volumes.get(name);
    if (volume === undefined) return [];
    const only = readOnly ? ["readonly"] : [];
    const bind = (from: string, ...flags: string[]) => [
      mountValue({ type: "bind", source: path.join(from, subPath ?? ""), target: mountPath }, ...flags),
    ];
    if (volume.hostPath) return bind(volume.hostPath.path, ...only);
    if (!volume.emptyDir) return bind(filesFolder(request, name), "readonly");
    const { medium, sizeLimit } = volume.emptyDir;
    if (!isTmpfs(request.spec, name, medium)) {
      return [mountValue({ type: "volume", source: volumeName(request, name), target: mountPath }, ...only)];
    }
    const bytes = sizeLimit ? parseQuantity(sizeLimit) : undefined;
    const size: Record<string, string> = bytes ? { "tmpfs-size": String(Math.ceil(bytes)) } : {};
    return [mountValue({ type: "tmpfs", target: mountPath, ...size }, ...only)];
  });
}

/** Writes the files of the Secrets and ConfigMaps that a container mounts. Throws NotReady when one is missing. */
export async function writeVolumes(request: Request, namespace: string, values: JobValues): Promise<void> {
  const volumes = volumesOf(request.spec);
  for (const name of new Set((partsOf(request.container).volumeMounts ?? []).map((mount) => mount.name))) {
    const { secret, configMap, hostPath } = volumes.get(name) ?? {};
    const folder = filesFolder(request, name);
    if (hostPath?.type === "DirectoryOrCreate") await mkdir(hostPath.path, { recursive: true, mode: 0o755 });
    if (secret) {
      const data = await values.secretData(namespace, secret.secretName);
      await writeKeys(folder, selected(data, secret, `Secret ${namespace}/${secret.secretName}`));
    } else if (configMap) {
      const data = await values.configMapData(namespace, configMap.name);
      await writeKeys(folder, selected(data, configMap, `ConfigMap ${namespace}/${configMap.name}`));
    }
  }
}

interface KeyFile {
  readonly path: string;
  readonly text: string;
  readonly mode: number;
}

function selected(
  data: ReadonlyMap<string, string> | undefined,
  { items, optional, defaultMode }: KeyFiles,
  what: string,
): readonly KeyFile[] {
  if (data === undefined && optional !== true) throw new NotReady(`${what} is not there`);
  const usual = defaultMode ?? 0o644;
  // what Kubernetes takes for a key; it also is what may be a file's name
  const keys = [...(data ?? new Map<string, string>())].filter(
    ([key]) => /^[-._a-zA-Z0-9]+$/.test(key) && !/^\.\.?$/.test(key),
  );
  if (!items) return keys.map(([key, text]) => ({ path: key, text, mode: usual }));
  return items.flatMap(({ key, path: file, mode }) => {
    const text = data?.get(key);
    if (text === undefined && optional !== true) throw new NotReady(`${what} has no key ${key}`);
    return text === undefined ? [] : [{ path: file, text, mode: mode ?? usual }];
  });
}

/** The container's user need not be ours: the modes are those of the manifest, whatever our umask is. */
async function writeKeys(folder: string, files: readonly KeyFile[]): Promise<void> {
  // above it nobody else may go; the container sees what is below
  await mkdir(path.dirname(folder), { recursive: true, mode: 0o700 });
  await mkdir(folder, { recursive: true, mode: 0o755 });
  for (const { path: file, text, mode } of files) {
    const at = path.join(folder, file);
    await mkdir(path.dirname(at), { recursive: true, mode: 0o755 });
    // an earlier try may have left it read-only
    await rm(at, { force: true });
    await writeFile(at, text, { mode: 0o600 });
    await chmod(at, mode);
  }
}
