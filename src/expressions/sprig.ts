import type { GoFunction } from "./go-value.ts";
import { conversion } from "./sprig/conversion.ts";
import { dates } from "./sprig/dates.ts";
import { defaults } from "./sprig/defaults.ts";
import { dicts } from "./sprig/dicts.ts";
import { encoding } from "./sprig/encoding.ts";
import { environment } from "./sprig/environment.ts";
import { lists } from "./sprig/lists.ts";
import { math } from "./sprig/math.ts";
import { paths } from "./sprig/paths.ts";
import { random } from "./sprig/random.ts";
import { reflection } from "./sprig/reflection.ts";
import { regexps } from "./sprig/regexps.ts";
import { semvers } from "./sprig/semvers.ts";
import { strings } from "./sprig/strings.ts";
import { urls } from "./sprig/urls.ts";
import { words } from "./sprig/words.ts";

/** The functions of Masterminds/sprig 3.3.0 (its TxtFuncMap), by name. */
export const sprigFunctions: ReadonlyMap<string, GoFunction> = new Map([
  ...strings,
  ...words,
  ...math,
  ...lists,
  ...dicts,
  ...defaults,
  ...conversion,
  ...dates,
  ...encoding,
  ...paths,
  ...random,
  ...reflection,
  ...regexps,
  ...semvers,
  ...urls,
]);

/** `env` and `expandenv`, which need an environment (reference F4). */
export const environmentFunctions: ReadonlyMap<string, GoFunction> = new Map(environment);

/**
 * What sprig has and this has not: keys, certificates, slow password hashes and the network. They would need real
 * randomness, which a repeatable evaluation does not have, or I/O.
 */
export const unsupportedFunctions: ReadonlySet<string> = new Set([
  "bcrypt",
  "buildCustomCert",
  "decryptAES",
  "derivePassword",
  "encryptAES",
  "genCA",
  "genCAWithKey",
  "genPrivateKey",
  "genSelfSignedCert",
  "genSelfSignedCertWithKey",
  "genSignedCert",
  "genSignedCertWithKey",
  "getHostByName",
  "htpasswd",
]);
