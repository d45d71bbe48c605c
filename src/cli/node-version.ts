/** The oldest Node that tidemill runs on. */
const oldest = [22, 19] as const;

/**
 * What to tell whoever runs tidemill on a Node that is too old; undefined when it will do. Plain syntax and no imports:
 * it must itself run there.
 */
export function nodeTooOld(version: string): string | undefined {
  const [major = 0, minor = 0] = version.replace(/^v/, "").split(".").map(Number);
  const old = major < oldest[0] || (major === oldest[0] && minor < oldest[1]);
  return old ? `tidemill needs Node ${oldest.join(".")} or newer; this is v${version.replace(/^v/, "")}` : undefined;
}
