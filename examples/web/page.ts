import { ConnectError } from '@connectrpc/connect';
import { PreconditionFailureSchema } from '@orderflow/contracts/google/rpc/error_details';
import { type Order, Order_State, Order_StateSchema } from '@orderflow/contracts/orderflow/order/v1/order';

const ends: readonly Order['state'][] = [Order_State.REJECTED, Order_State.CANCELLED, Order_State.COMPLETED];

/** Returns the element of the page that has this id. */
export const element = (id: string) => document.getElementById(id) as HTMLInputElement;

/** Returns what is written in an input. */
export const text = (id: string) => element(id).value.trim();

/** Returns whether an order changes no more. */
export const hasEnded = ({ state }: Order) => ends.includes(state);

/** Shows a line below the order's states. */
export function note(line: string) {
  element('note').textContent = line;
}

/** Shows an order: its state below the earlier ones, its price, and why it is cancelled or rejected. */
export function show(order: Order) {
  const { total, cancelDetail, rejections } = order;
  const state = Order_StateSchema.value[order.state]?.localName ?? String(order.state);
  if (element('states').lastElementChild?.textContent !== state)
    element('states').append(withText('li', state));
  element('watched').hidden = false;
  element('cancel').hidden = hasEnded(order);
  element('name').textContent = `Order ${order.orderId}`;
  const cents = String((total?.nanos ?? 0) / 10_000_000).padStart(2, '0');
  const price = total ? `${total.units}.${cents} ${total.currencyCode}` : '';
  const reasons = [cancelDetail, ...rejections.map(({ message }) => message)];
  note([hasEnded(order) ? '' : 'Watching …', price, ...reasons].filter(Boolean).join(' · '));
}

/** Shows what went wrong: a sentence and, of a refused order, every reason. */
export function showProblem(error: unknown) {
  const problem = ConnectError.from(error);
  const violations = problem.findDetails(PreconditionFailureSchema).flatMap((failure) => failure.violations);
  // What fetch throws says nothing to people.
  const isUnreachable = problem.cause instanceof TypeError;
  const sentence = isUnreachable ? `The API at ${text('api')} cannot be reached.` : problem.rawMessage;
  const reasons = document.createElement('ul');
  reasons.append(...violations.map(({ type, description }) => withText('li', `${description} (${type})`)));
  element('problem').replaceChildren(withText('p', sentence), ...(violations.length > 0 ? [reasons] : []));
}

const withText = (tag: string, textContent: string) =>
  Object.assign(document.createElement(tag), { textContent });
