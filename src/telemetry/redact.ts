/** Values that no log line, error or answer may show. Registered as they are read. */
export interface Redactor {
  /** Very short values (under 4 characters) are not registered: they would turn ordinary text into stars. */
  add(secret: string): void;
  clean(text: string): string;
}

const stars = "***";

export function createRedactor(): Redactor {
  const secrets = new Set<string>();
  return {
    add(secret) {
      if (secret.length < 4) return;
      secrets.add(secret);
      // as it stands inside JSON text
      const escaped = JSON.stringify(secret).slice(1, -1);
      if (escaped !== secret) secrets.add(escaped);
    },
    clean(text) {
      let cleaned = text;
      for (const secret of secrets) if (cleaned.includes(secret)) cleaned = cleaned.replaceAll(secret, stars);
      return cleaned;
    },
  };
}
