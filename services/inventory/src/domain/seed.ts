/** The number of products that the seed stocks: p-1, p-2 … */
const seededProducts = 2000;

/** The first products have little stock, so that a shortage is easy to try. */
const firstProducts = [15n, 50n, 25n, 30n, 20n];
const others = 1000n;

/** The initial stock. */
export function seedStock(): { productId: string; onHand: bigint }[] {
  return Array.from({ length: seededProducts }, (_, index) => ({
    productId: `p-${index + 1}`,
    onHand: firstProducts[index] ?? others,
  }));
}
