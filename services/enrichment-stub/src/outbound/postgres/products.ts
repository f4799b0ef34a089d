import type { MikroORM } from '@mikro-orm/postgresql';
import type { Product } from '../../domain/product.ts';
import type { ProductNames, ProductReader } from '../../ports.ts';
import { storable } from './storable.ts';
import { tablesOf } from './tables.ts';

/** Reads products from table `product`. */
export function postgresProducts(orm: MikroORM): ProductReader {
  const products = () => tablesOf(orm.em.fork()).selectFrom('product').selectAll();
  return {
    find: ({ productIds, skus }: ProductNames): Promise<Product[]> =>
      products()
        .where(({ eb, fn, val, or }) =>
          or([
            eb('productId', '=', fn.any(val(storable(productIds)))),
            eb('sku', '=', fn.any(val(storable(skus)))),
          ]),
        )
        .execute(),
    page: (afterId: string | undefined, limit: number): Promise<Product[]> =>
      products()
        .where('productId', '>', afterId ?? '')
        .orderBy('productId')
        .limit(limit)
        .execute(),
  };
}
