import { sqlTlsMaterial, type TlsMaterial, type TlsOptions } from "../../lib/sql-place.ts";
import { recordAddress } from "../address.ts";

export { certificateFault } from "../../lib/sql-place.ts";

/** Reads the files of TLS. Throws RECORD_URL, naming the file that cannot be read. */
export function tlsMaterial(tls: TlsOptions): TlsMaterial {
  return sqlTlsMaterial(tls, recordAddress);
}
