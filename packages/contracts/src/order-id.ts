/** The pattern that the contract's rules give for order ids. */
const orderIdPattern = /^[A-Za-z0-9._:-]{1,64}$/;

/** Whether this is a valid order id. */
export function isOrderId(id: string): boolean {
  return orderIdPattern.test(id);
}
