/** How many products are stocked from the start: p-1, p-2 … */
const seededProducts = 2000;

/** The first products have little, so that short stock is easily tried out. */
const firstProducts = [15n, 50n, 25n, 30n, 20n];
const others = 1000n;

/** What lies on the shelf from the start. */
export function seedStock(): { productId: string; onHand: bigint }[] {
  return Array.from({ length: seededProducts }, (_, index) => ({
    productId: `p-${index + 1}`,
    onHand: firstProducts[index] ?? others,
  }));
}
