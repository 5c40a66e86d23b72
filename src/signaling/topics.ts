// protocol.md "Transport": the table of topics, and from it who may write and read what. Pure.
// Invariant: a topic that is not in the table exists for nobody; the fleet operator's topics are written by no endpoint.

export type Topic =
  | { readonly kind: 'account-inbox'; readonly account: string; readonly sender: string }
  | { readonly kind: 'endpoint-inbox'; readonly endpoint: string; readonly sender: string }
  | { readonly kind: 'presence'; readonly endpoint: string }
  | { readonly kind: 'settings'; readonly account: string }
  | { readonly kind: 'desired'; readonly endpoint: string }
  | { readonly kind: 'reported'; readonly endpoint: string }
  | { readonly kind: 'group-desired'; readonly group: string };

const ROOT = 'cloister/1';
const ID = '[a-z2-7]{26}';
const GROUP = '[a-z0-9]{1,64}';

export const topics = {
  accountInbox: (accountId: string, sender: string): string => `${ROOT}/accounts/${accountId}/inbox/${sender}`,
  endpointInbox: (endpointId: string, sender: string): string => `${ROOT}/endpoints/${endpointId}/inbox/${sender}`,
  presence: (endpointId: string): string => `${ROOT}/endpoints/${endpointId}/presence`
} as const;

/** What an endpoint subscribes to, one filter per call. */
export function ownFilters(endpointId: string, accountId: string): readonly string[] {
  return [topics.endpointInbox(endpointId, '+'), topics.accountInbox(accountId, '+'), topics.presence(endpointId)];
}

/** Whose presence is read besides one's own: everybody's in one filter, or each one's. */
export const presenceFilters = ({ everybody, endpoints }: { readonly everybody: boolean; readonly endpoints: readonly string[] }): readonly string[] =>
  everybody ? [EVERYBODY] : endpoints.map(topics.presence);

/** What an earlier connection of this endpoint may have left in its session at the broker. */
export const EVERYBODY = topics.presence('+');

const ACCOUNT_INBOX = new RegExp(`^${ROOT}/accounts/(${ID})/inbox/(${ID})$`);
const ENDPOINT_INBOX = new RegExp(`^${ROOT}/endpoints/(${ID})/inbox/(${ID})$`);
const ENDPOINT_TOPIC = new RegExp(`^${ROOT}/endpoints/(${ID})/(presence|desired|reported)$`);
const SETTINGS = new RegExp(`^${ROOT}/accounts/(${ID})/settings$`);
const GROUP_DESIRED = new RegExp(`^${ROOT}/groups/(${GROUP})/desired$`);

/** The topic's meaning; null for one that the protocol does not have. */
export function parseTopic(topic: string): Topic | null {
  const [, account = '', accountSender = ''] = ACCOUNT_INBOX.exec(topic) ?? [];
  if (account !== '') return { kind: 'account-inbox', account, sender: accountSender };
  const [, inbox = '', inboxSender = ''] = ENDPOINT_INBOX.exec(topic) ?? [];
  if (inbox !== '') return { kind: 'endpoint-inbox', endpoint: inbox, sender: inboxSender };
  const [, endpoint = '', kind] = ENDPOINT_TOPIC.exec(topic) ?? [];
  if (kind === 'presence' || kind === 'desired' || kind === 'reported') return { kind, endpoint };
  const [, settings = ''] = SETTINGS.exec(topic) ?? [];
  if (settings !== '') return { kind: 'settings', account: settings };
  const [, group = ''] = GROUP_DESIRED.exec(topic) ?? [];
  return group === '' ? null : { kind: 'group-desired', group };
}

export function isRetained(topic: Topic): boolean {
  return topic.kind !== 'account-inbox' && topic.kind !== 'endpoint-inbox';
}

/** Whether the endpoint of the account may write to the topic. */
export function mayPublish(endpointId: string, accountId: string, topic: string): boolean {
  const parsed = parseTopic(topic);
  switch (parsed?.kind) {
    case 'account-inbox':
    case 'endpoint-inbox':
      return parsed.sender === endpointId;
    case 'presence':
    case 'reported':
      return parsed.endpoint === endpointId;
    case 'settings':
      return parsed.account === accountId;
    default:
      return false;
  }
}

/** Whether the endpoint may be given what is on the topic: what is its own or its account's, and anybody's presence. */
export function mayRead(endpointId: string, accountId: string, topic: string): boolean {
  const parsed = parseTopic(topic);
  switch (parsed?.kind) {
    case 'account-inbox':
    case 'settings':
      return parsed.account === accountId;
    case 'endpoint-inbox':
    case 'desired':
    case 'reported':
      return parsed.endpoint === endpointId;
    case 'presence':
    case 'group-desired':
      return true;
    default:
      return false;
  }
}

/** Whether the endpoint may subscribe to the filter: `+` only for the sender of an inbox and for whose presence it is; never `#`. */
export function maySubscribe(endpointId: string, accountId: string, filter: string): boolean {
  const wild = filter.replace(/(?<=\/inbox\/)\+$|(?<=^cloister\/1\/endpoints\/)\+(?=\/presence$)/, endpointId);
  return mayRead(endpointId, accountId, wild);
}

/**
 * The lines of a Mosquitto ACL file that let an endpoint use its account's topics. What follows from the endpoint id alone is in patterns
 * (config/examples/mosquitto.acl); a pattern cannot know an account.
 */
export function brokerRulesFor(endpointId: string, accountId: string): readonly string[] {
  return [`user ${endpointId}`, `topic read ${topics.accountInbox(accountId, '+')}`, `topic readwrite ${ROOT}/accounts/${accountId}/settings`];
}
