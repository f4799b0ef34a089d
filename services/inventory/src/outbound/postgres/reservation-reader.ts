import type { MikroORM } from '@mikro-orm/postgresql';
import type { ReservationReader } from '../../ports.ts';
import { toReservation } from './stored-reservation.ts';
import { tablesOf } from './tables.ts';

/** Reads reservations from table `reservation`. */
export function postgresReservations(orm: MikroORM): ReservationReader {
  return {
    async find(orderId) {
      const row = await tablesOf(orm.em.fork())
        .selectFrom('reservation')
        .selectAll()
        .where('orderId', '=', orderId)
        .executeTakeFirst();
      return row && toReservation(row);
    },
  };
}
