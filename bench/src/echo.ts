import { CustomerService } from '@orderflow/contracts/orderflow/enrichment/v1/customer_service';

/** The path of the method that `pnpm bench rpc` calls. */
export const echoPath = `/${CustomerService.typeName}/${CustomerService.method.getCustomer.name}`;
