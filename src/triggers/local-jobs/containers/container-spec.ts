import { z } from "zod";
import { TideError } from "../../../lib/errors.ts";
import {
  type Container,
  dotted,
  type Fields,
  type JobRules,
  type JobSpec,
  label,
  said,
  unsupported,
} from "../job-spec.ts";
import { parseQuantity } from "./quantity.ts";

const whole = z.number().int().min(0);
/** What a mount of docker and podman takes, and what Kubernetes requires of a mountPath anyway. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is refused
const path = z.string().regex(/^\/[^:\0-\x1f]*$/, "must be an absolute path without ':' and control characters");
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is refused
const within = z.string().regex(/^(?!\/)(?!(.*\/)?\.\.(\/|$))[^\0-\x1f]+$/, "must be a relative path without '..'");
const quantity = z
  .union([z.string(), z.number()])
  .refine((text) => parseQuantity(text) !== undefined, "is no quantity");
const quantities = z.record(z.string(), quantity).nullish();

const securityContext = z.looseObject({
  runAsUser: whole.nullish(),
  runAsGroup: whole.nullish(),
  runAsNonRoot: z.boolean().nullish(),
  privileged: z.boolean().nullish(),
  readOnlyRootFilesystem: z.boolean().nullish(),
  allowPrivilegeEscalation: z.boolean().nullish(),
  capabilities: z
    .looseObject({
      add: z.array(z.string().regex(/^\w+$/)).nullish(),
      drop: z.array(z.string().regex(/^\w+$/)).nullish(),
    })
    .nullish(),
  seccompProfile: z.looseObject({ type: z.string() }).nullish(),
});

const containerParts = z.looseObject({
  image: z.string().regex(/^[a-zA-Z0-9][\w./:@-]*$/, "must be the name of an image"),
  imagePullPolicy: z.enum(["Always", "IfNotPresent", "Never"]).nullish(),
  resources: z.looseObject({ limits: quantities, requests: quantities }).nullish(),
  volumeMounts: z
    .array(
      z.looseObject({
        name: z.string().min(1),
        mountPath: path,
        readOnly: z.boolean().nullish(),
        subPath: within.nullish(),
      }),
    )
    .nullish(),
  securityContext: securityContext.nullish(),
  tty: z.boolean().nullish(),
});

const keyFile = z.looseObject({ key: z.string().min(1), path: within, mode: whole.max(0o777).nullish() });
const keyFiles = {
  items: z.array(keyFile).nullish(),
  optional: z.boolean().nullish(),
  defaultMode: whole.max(0o777).nullish(),
};

const volume = z.looseObject({
  name: label,
  emptyDir: z.looseObject({ medium: z.string().nullish(), sizeLimit: quantity.nullish() }).nullish(),
  hostPath: z.looseObject({ path, type: z.string().nullish() }).nullish(),
  configMap: z.looseObject({ name: z.string().min(1), ...keyFiles }).nullish(),
  secret: z.looseObject({ secretName: z.string().min(1), ...keyFiles }).nullish(),
});

const podParts = z.looseObject({
  volumes: z.array(volume).nullish(),
  securityContext: z
    .looseObject({ ...securityContext.shape, supplementalGroups: z.array(whole).nullish(), fsGroup: whole.nullish() })
    .nullish(),
  hostNetwork: z.boolean().nullish(),
  hostname: label.nullish(),
  hostAliases: z
    .array(
      z.looseObject({
        ip: z.string().regex(/^[0-9a-fA-F.:]+$/),
        hostnames: z.array(z.string().regex(/^[\w.-]+$/)).nullish(),
      }),
    )
    .nullish(),
});

export type ContainerParts = z.infer<typeof containerParts>;
export type PodParts = z.infer<typeof podParts>;
export type Volume = z.infer<typeof volume>;
export type KeyFiles = Pick<NonNullable<Volume["configMap"]>, "items" | "optional" | "defaultMode">;

/** What of a container is for its image's runtime alone. Throws JOB_INVALID. */
export function partsOf(container: Container): ContainerParts {
  return checked(containerParts, container, `container ${container.name}:`);
}

export function podPartsOf(pod: Fields): PodParts {
  return checked(podParts, pod, "spec.template.spec:");
}

function checked<T>(schema: z.ZodType<T>, value: unknown, where: string): T {
  const read = schema.safeParse(value);
  if (read.success) return read.data;
  const issue = read.error.issues[0];
  throw new TideError("JOB_INVALID", `${where} ${dotted(issue?.path ?? [])} ${said(issue)}`);
}

export const containerRules: JobRules = {
  noun: "containers of this machine",
  refused: ["volumeDevices", "restartPolicy", "lifecycle"],
  check(container) {
    if (!container.image) {
      throw new TideError("JOB_INVALID", `container ${container.name}: image is needed: containers are made of images`);
    }
    partsOf(container);
  },
  checkPod(spec) {
    const volumes = new Map((podPartsOf(spec.pod).volumes ?? []).map((one) => [one.name, one]));
    for (const container of [...spec.initContainers, ...spec.containers]) {
      for (const mount of partsOf(container).volumeMounts ?? []) {
        const one = volumes.get(mount.name);
        if (one === undefined) {
          throw new TideError("JOB_INVALID", `container ${container.name}: there is no volume ${mount.name}`);
        }
        checkMount(one, mount);
      }
    }
  },
};

function checkMount(one: Volume, mount: { readonly subPath?: string | null | undefined } & Fields): void {
  const kinds = Object.keys(one).filter((key) => key !== "name" && one[key] !== null && one[key] !== undefined);
  const [kind = "without a kind"] = kinds;
  const known = ["emptyDir", "hostPath", "configMap", "secret"];
  if (kinds.length !== 1 || !known.includes(kind))
    unsupported(`volume ${one.name}: ${kind.slice(0, 80)}`, containerRules);
  if (mount.subPathExpr) unsupported(`volumeMounts of ${one.name}: subPathExpr`, containerRules);
  if (mount.subPath && one.emptyDir) unsupported(`volumeMounts of ${one.name}: subPath of an emptyDir`, containerRules);
}

/** Fields that hold, or whose absence nothing in the container can see. */
const silent = {
  pod: words(`restartPolicy terminationGracePeriodSeconds activeDeadlineSeconds serviceAccountName initContainers containers
    volumes securityContext hostNetwork hostname hostAliases enableServiceLinks automountServiceAccountToken dnsPolicy`),
  container:
    words(`name image command args workingDir env envFrom imagePullPolicy resources volumeMounts securityContext
    tty ports terminationMessagePath terminationMessagePolicy`),
  security: words(`runAsUser runAsGroup runAsNonRoot privileged readOnlyRootFilesystem allowPrivilegeEscalation
    capabilities seccompProfile supplementalGroups`),
  mount: words("name mountPath readOnly subPath"),
};

function words(text: string): ReadonlySet<string> {
  return new Set(text.split(/\s+/));
}

/** The fields of a job that are not done, by their path: each is a warning, none is left out without one. */
export function ignoredFields(spec: JobSpec): readonly string[] {
  const pod = podPartsOf(spec.pod);
  const found = [
    ...beyond(pod, silent.pod, ""),
    ...beyond(pod.securityContext, silent.security, "securityContext."),
    ...security(pod.securityContext, ""),
  ];
  if (spec.serviceAccount !== "default") found.push("serviceAccountName (no token is mounted)");
  if (typeof pod.dnsPolicy === "string" && pod.dnsPolicy !== "ClusterFirst") found.push("dnsPolicy");
  for (const { name, emptyDir } of pod.volumes ?? []) {
    if (emptyDir?.sizeLimit && emptyDir.medium !== "Memory") found.push(`volumes ${name}: sizeLimit`);
    if (emptyDir?.medium && !isTmpfs(spec, name, emptyDir.medium))
      found.push(`volumes ${name}: medium ${emptyDir.medium}`);
  }
  for (const container of [...spec.initContainers, ...spec.containers]) {
    const at = `containers ${container.name}: `;
    const parts = partsOf(container);
    found.push(...beyond(parts, silent.container, at), ...security(parts.securityContext, at));
    found.push(...beyond(parts.securityContext, silent.security, `${at}securityContext.`));
    for (const mount of parts.volumeMounts ?? []) found.push(...beyond(mount, silent.mount, `${at}volumeMounts.`));
    const limits = Object.keys(parts.resources?.limits ?? {});
    found.push(
      ...limits.filter((key) => key !== "cpu" && key !== "memory").map((key) => `${at}resources.limits.${key}`),
    );
    for (const { hostPort } of portsOf(parts)) if (hostPort) found.push(`${at}ports.hostPort`);
    for (const { valueFrom } of container.env ?? []) {
      const field = valueFrom?.fieldRef?.fieldPath ?? "";
      if (/^status\.|^spec\.nodeName$/.test(field)) found.push(`${at}fieldRef ${field} (is that of this machine)`);
    }
  }
  return found.map((field) => field.slice(0, 200));
}

function security(context: z.infer<typeof securityContext> | null | undefined, at: string): readonly string[] {
  const found: string[] = [];
  if (context?.runAsNonRoot && !context.runAsUser) found.push(`${at}securityContext.runAsNonRoot (not checked)`);
  if (context?.seccompProfile?.type === "Localhost") found.push(`${at}securityContext.seccompProfile: Localhost`);
  return found;
}

function portsOf(parts: ContainerParts): readonly Fields[] {
  return Array.isArray(parts.ports) ? (parts.ports as readonly Fields[]) : [];
}

function beyond(held: Fields | null | undefined, known: ReadonlySet<string>, at: string): readonly string[] {
  const none = (value: unknown) => value === null || value === undefined || value === false;
  return Object.entries(held ?? {}).flatMap(([key, value]) => (known.has(key) || none(value) ? [] : [`${at}${key}`]));
}

/** In memory where one container alone mounts it: memory is not shared between containers. */
export function isTmpfs(spec: JobSpec, volumeName: string, medium: string | null | undefined): boolean {
  if (medium !== "Memory") return false;
  const all = [...spec.initContainers, ...spec.containers];
  return all.filter((one) => (partsOf(one).volumeMounts ?? []).some(({ name }) => name === volumeName)).length === 1;
}
