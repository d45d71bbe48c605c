import { z } from "zod";
import { TideError } from "../../lib/errors.ts";
import { recordOf } from "../../lib/json.ts";
import { generatedName } from "../cluster/firing-name.ts";

/** What Kubernetes requires of the names of Jobs, namespaces and containers; it also keeps them apart as file names. */
export const label = z
  .string()
  .regex(/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/, "must be lower-case letters, digits and '-', at most 63");

const keyRef = z.looseObject({ name: z.string().min(1), key: z.string().min(1), optional: z.boolean().nullish() });
const objectRef = z.looseObject({ name: z.string().min(1), optional: z.boolean().nullish() });
const seconds = z.number().int().min(0);

const envVar = z.looseObject({
  name: z.string().regex(/^[^=\0]+$/, "must not be empty or have ="),
  value: z.string().nullish(),
  valueFrom: z
    .looseObject({
      secretKeyRef: keyRef.nullish(),
      configMapKeyRef: keyRef.nullish(),
      fieldRef: z.looseObject({ fieldPath: z.string().min(1) }).nullish(),
    })
    .nullish(),
});

const container = z.looseObject({
  name: label,
  image: z.string().nullish(),
  command: z.array(z.string()).nullish(),
  args: z.array(z.string()).nullish(),
  workingDir: z.string().nullish(),
  env: z.array(envVar).nullish(),
  envFrom: z
    .array(
      z.looseObject({
        prefix: z.string().nullish(),
        secretRef: objectRef.nullish(),
        configMapRef: objectRef.nullish(),
      }),
    )
    .nullish(),
});

const texts = z.record(z.string(), z.string()).nullish();

const pod = z.looseObject({
  restartPolicy: z.enum(["Never", "OnFailure"], "must be Never or OnFailure"),
  terminationGracePeriodSeconds: seconds.nullish(),
  activeDeadlineSeconds: seconds.min(1).nullish(),
  serviceAccountName: z.string().nullish(),
  initContainers: z.array(container).nullish(),
  containers: z.array(container).min(1, "must have at least one container"),
});

const job = z.looseObject({
  metadata: z.looseObject({
    name: z.string().nullish(),
    generateName: z.string().nullish(),
    labels: texts,
    annotations: texts,
  }),
  spec: z.looseObject({
    backoffLimit: seconds.nullish(),
    activeDeadlineSeconds: seconds.min(1).nullish(),
    ttlSecondsAfterFinished: seconds.nullish(),
    suspend: z.boolean().nullish(),
    template: z.looseObject({
      metadata: z.looseObject({ labels: texts, annotations: texts }).nullish(),
      spec: pod,
    }),
  }),
});

export type Container = z.infer<typeof container>;
export type EnvVar = z.infer<typeof envVar>;

/** A Job as far as it can be done here, checked. Times in milliseconds, defaults filled in. */
export interface JobSpec {
  readonly backoffLimit: number;
  readonly deadlineMs: number | undefined;
  readonly podDeadlineMs: number | undefined;
  readonly ttlMs: number | undefined;
  readonly graceMs: number;
  readonly suspended: boolean;
  /** OnFailure: only what failed runs again; Never: all of it. */
  readonly restartPolicy: "Never" | "OnFailure";
  readonly initContainers: readonly Container[];
  readonly containers: readonly Container[];
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly serviceAccount: string;
  /** The whole pod template's spec, as written. */
  readonly pod: Fields;
}

export type Fields = Readonly<Record<string, unknown>>;

/** Reads a Job. Throws JOBS_ONLY, JOB_INVALID or JOB_UNSUPPORTED, naming the field. */
export function readJob(object: Fields, rules: JobRules = processRules): JobSpec {
  if (object.apiVersion !== "batch/v1" || object.kind !== "Job") {
    const what = `${String(object.apiVersion)} ${String(object.kind)}`.slice(0, 200);
    throw new TideError("JOBS_ONLY", `${what} cannot be run as ${rules.noun}: only a batch/v1 Job can`);
  }
  refuseForeign(object, rules);
  const read = job.safeParse(object);
  if (!read.success) {
    const issue = read.error.issues[0];
    throw new TideError("JOB_INVALID", `${dotted(issue?.path ?? [])} ${said(issue)}`);
  }
  const { spec } = read.data;
  const { template } = spec;
  const containers = [...(template.spec.initContainers ?? []), ...template.spec.containers];
  checkContainers(containers, rules);
  const ms = (value: number | null | undefined) => (typeof value === "number" ? value * 1000 : undefined);
  const checked: JobSpec = {
    backoffLimit: spec.backoffLimit ?? 6,
    deadlineMs: ms(spec.activeDeadlineSeconds),
    podDeadlineMs: ms(template.spec.activeDeadlineSeconds),
    ttlMs: ms(spec.ttlSecondsAfterFinished),
    graceMs: ms(template.spec.terminationGracePeriodSeconds) ?? 30_000,
    suspended: spec.suspend === true,
    restartPolicy: template.spec.restartPolicy,
    initContainers: template.spec.initContainers ?? [],
    containers: template.spec.containers,
    labels: template.metadata?.labels ?? {},
    annotations: template.metadata?.annotations ?? {},
    serviceAccount: template.spec.serviceAccountName || "default",
    pod: template.spec,
  };
  rules.checkPod(checked);
  return checked;
}

/**
 * The name of a Job. For a `generateName` the end is made from the firing id, so that another attempt of the same firing
 * finds the Job again. Throws JOB_INVALID.
 */
export function jobName(object: Fields, key: string): string {
  const metadata = (object.metadata ?? {}) as Fields;
  const { name, generateName } = metadata;
  if (typeof name === "string" && name !== "") return checkedName(name, "metadata.name");
  if (typeof generateName !== "string" || generateName === "") {
    throw new TideError("JOB_INVALID", "metadata.name or metadata.generateName is needed");
  }
  return checkedName(generatedName(generateName, key), "metadata.generateName");
}

export function checkedName(name: string, field: string): string {
  if (label.safeParse(name).success) return name;
  throw new TideError(
    "JOB_INVALID",
    `${field} ${JSON.stringify(name.slice(0, 80))} ${said(label.safeParse(name).error?.issues[0])}`,
  );
}

/** What Kubernetes knows and nothing here does. Looked at before the rest: it is the more useful answer. */
function refuseForeign(object: Fields, rules: JobRules): void {
  const refuse = (what: string) => unsupported(what, rules);
  const spec = recordOf(object.spec);
  for (const field of ["podFailurePolicy", "successPolicy", "backoffLimitPerIndex", "maxFailedIndexes", "managedBy"]) {
    if (there(spec[field])) refuse(`spec.${field}`);
  }
  for (const field of ["parallelism", "completions"]) {
    if (there(spec[field]) && spec[field] !== 1) refuse(`spec.${field}: ${String(spec[field])}, other than 1,`);
  }
  if (there(spec.completionMode) && spec.completionMode !== "NonIndexed") refuse("spec.completionMode: Indexed");
  const template = recordOf(recordOf(spec.template).spec);
  for (const list of ["initContainers", "containers"]) {
    for (const [i, each] of (Array.isArray(template[list]) ? template[list] : []).entries()) {
      const at = `spec.template.spec.${list}.${i}`;
      const held = recordOf(each);
      for (const field of rules.refused) if (there(held[field])) refuse(`${at}.${field}`);
      for (const [j, variable] of (Array.isArray(held.env) ? held.env : []).entries()) {
        const from = recordOf(recordOf(variable).valueFrom);
        for (const field of ["resourceFieldRef", "fileKeyRef"]) {
          if (there(from[field])) refuse(`${at}.env.${j}.valueFrom.${field}`);
        }
      }
    }
  }
}

function checkContainers(containers: readonly Container[], rules: JobRules): void {
  const names = new Set<string>();
  for (const container of containers) {
    const { name, env } = container;
    if (names.has(name)) throw new TideError("JOB_INVALID", `two containers are named ${name}`);
    names.add(name);
    rules.check(container);
    for (const variable of env ?? []) {
      const path = variable.valueFrom?.fieldRef?.fieldPath;
      if (path !== undefined && !isKnownField(path)) {
        unsupported(`container ${name}: fieldRef ${path.slice(0, 80)}`, rules);
      }
    }
  }
}

/** What differs with what runs the containers. */
export interface JobRules {
  /** What runs them: "local processes". */
  readonly noun: string;
  /** Fields of a container that cannot be done. */
  readonly refused: readonly string[];
  /** Throws JOB_INVALID or JOB_UNSUPPORTED. */
  check(container: Container): void;
  /** The same for the whole, with all containers checked. */
  checkPod(spec: JobSpec): void;
}

export const processRules: JobRules = {
  noun: "local processes",
  refused: ["volumeMounts", "volumeDevices", "restartPolicy"],
  check({ name, command }) {
    if (command?.[0]) return;
    const why = "a local process needs `command`: images are not run, so that their entry point is not known";
    throw new TideError("JOB_INVALID", `container ${name}: ${why}`);
  },
  checkPod: () => undefined,
};

const plainFields: ReadonlySet<string> = new Set([
  "metadata.name",
  "metadata.namespace",
  "metadata.uid",
  "spec.nodeName",
  "spec.serviceAccountName",
  "status.hostIP",
  "status.hostIPs",
  "status.podIP",
  "status.podIPs",
]);

function isKnownField(path: string): boolean {
  return plainFields.has(path) || /^metadata\.(labels|annotations)\['[^']+'\]$/.test(path);
}

function there(value: unknown): boolean {
  return value !== undefined && value !== null && !(Array.isArray(value) && value.length === 0);
}

export function unsupported(what: string, rules: Pick<JobRules, "noun">): never {
  throw new TideError("JOB_UNSUPPORTED", `${what} is not done by ${rules.noun}`);
}

export function dotted(path: readonly PropertyKey[]): string {
  return path.map(String).join(".") || "the Job";
}

export function said(issue: z.core.$ZodIssue | undefined): string {
  if (issue === undefined) return "is not valid";
  return issue.code === "invalid_type" ? `must be ${issue.expected}` : issue.message;
}
