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

/** Calls these when the page is used, and shows what goes wrong with them. */
export function bind(actions: {
  readonly place: () => Promise<void>;
  readonly cancel: () => Promise<unknown>;
  readonly edited: () => void;
}) {
  const attempt = (action: () => Promise<unknown>) => {
    element('problem').replaceChildren();
    action().catch(showProblem);
  };
  element('order').addEventListener('submit', (event) => {
    event.preventDefault();
    attempt(actions.place);
  });
  element('order').addEventListener('input', actions.edited);
  element('cancel').addEventListener('click', () => attempt(actions.cancel));
}

/** Shows a line below the order's states. */
export function note(line: string) {
  element('note').textContent = line;
}

/** Shows that an order is watched, of which nothing else is known yet. */
export function showWatched(orderId: string) {
  element('states').replaceChildren();
  element('watched').hidden = false;
  element('cancel').hidden = false;
  element('name').textContent = `Order ${orderId}`;
  note('Watching …');
}

/** Shows an order: its state below the earlier ones, its price, and why it is cancelled or rejected. */
export function show(order: Order) {
  const { total, cancelDetail, rejections } = order;
  const state = Order_StateSchema.value[order.state]?.localName ?? String(order.state);
  if (element('states').lastElementChild?.textContent !== state)
    element('states').append(withText('li', state));
  element('cancel').hidden = hasEnded(order);
  const cents = String((total?.nanos ?? 0) / 10_000_000).padStart(2, '0');
  const price = total ? `${total.units}.${cents} ${total.currencyCode}` : '';
  const reasons = [cancelDetail, ...rejections.map(({ message }) => message)];
  note([hasEnded(order) ? '' : 'Watching …', price, ...reasons].filter(Boolean).join(' · '));
}

/** Returns what went wrong as a sentence. */
export function sentenceOf(error: unknown): string {
  const { cause, rawMessage } = ConnectError.from(error);
  // What fetch throws says nothing to people, and the same for both causes.
  if (!(cause instanceof TypeError)) return rawMessage;
  return `The API at ${text('api')} cannot be reached, or does not allow the origin ${location.origin}.`;
}

/** Shows what went wrong; of a refused order every reason. */
function showProblem(error: unknown) {
  const violations = ConnectError.from(error)
    .findDetails(PreconditionFailureSchema)
    .flatMap((failure) => failure.violations);
  if (violations.length === 0) {
    element('problem').replaceChildren(withText('p', sentenceOf(error)));
    return;
  }
  const reasons = document.createElement('ul');
  reasons.append(...violations.map(({ type, description }) => withText('li', `${description} (${type})`)));
  element('problem').replaceChildren(withText('p', 'The order was refused:'), reasons);
}

const withText = (tag: string, textContent: string) =>
  Object.assign(document.createElement(tag), { textContent });
