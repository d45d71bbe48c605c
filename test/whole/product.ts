import { onTestFailed } from "vitest";
import { type Product, type ProductOptions, startProduct as start } from "../product.ts";

export { type Product, verb } from "../product.ts";

/** tidemill in a process of its own; when the test fails, what it wrote last is shown. */
export async function startProduct(options: ProductOptions): Promise<Product> {
  let product: Product | undefined;
  onTestFailed(() => {
    if (product === undefined) return;
    process.stderr.write(`tidemill ${product.pid} wrote:\n${product.output().slice(-4_000)}\n`);
  });
  product = await start(options);
  return product;
}
