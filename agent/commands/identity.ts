// `cloister identity …`: an organisation's CA, endpoint and broker certificates, revocation. Also the identities that the demo uses.
// Nothing here overwrites a file but a CA's revocation list.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { issueBroker, issueEndpoint, makeAuthority, nextRevocationList } from '../../src/identity/certificate-authority.ts';
import { accountIdOf } from '../../src/identity/names.ts';
import { readAuthority, readIdentity, writeAuthority, writeIssued, writeRevocationList } from '../../src/identity/store.ts';
import { asCloisterError, CloisterError } from '../../src/kernel/errors.ts';
import { brokerRulesFor } from '../../src/signaling/topics.ts';
import type { CommandIo, ExitStatus } from '../io.ts';

const USAGE = `usage: cloister identity VERB [--json]
  init-ca --organisation contoso.example --out DIR     make an organisation's certificate authority
  issue --account boardroom@contoso.example --ca DIR --out DIR
  issue-broker --ca DIR --host NAME-OR-IP [--host …] --out DIR
  revoke --ca DIR --certificate FILE                   put a certificate on the authority's revocation list
  renew-crl --ca DIR                                   the same list, valid for a year from now
  show DIR                                             whose identity is in DIR, and a broker's rules for it`;

type Outcome = { readonly text: readonly string[]; readonly json: Readonly<Record<string, unknown>> };
type Arguments = { readonly values: Readonly<Record<string, string | readonly string[] | boolean | undefined>>; readonly directories: readonly string[] };

const usage = (message: string): CloisterError => new CloisterError('CL_USAGE', message);

function required(args: Arguments, name: string): string {
  const value = args.values[name];
  if (typeof value !== 'string' || value === '') throw usage(`--${name} is missing`);
  return value;
}

async function issueInto(directory: string, authorityDirectory: string, account: string): Promise<Outcome> {
  const authority = await readAuthority(authorityDirectory);
  await writeIssued(directory, await issueEndpoint(authority, account, Date.now()), authority.certificatePem);
  return show(directory);
}

async function issueBrokerInto(directory: string, authorityDirectory: string, hosts: readonly string[]): Promise<Outcome> {
  const authority = await readAuthority(authorityDirectory);
  await writeIssued(directory, await issueBroker(authority, hosts, Date.now()), authority.certificatePem);
  return { text: [`broker certificate for ${hosts.join(', ')} in ${directory}`], json: { directory, hosts } };
}

async function initAuthority(directory: string, organisation: string): Promise<Outcome> {
  await writeAuthority(directory, await makeAuthority(organisation, Date.now()));
  const text = [`certificate authority of ${organisation} in ${directory}; keep ca-key.pem off the rooms and the broker`];
  return { text, json: { directory, organisation } };
}

async function renewList(directory: string, certificateFile?: string): Promise<Outcome> {
  const authority = await readAuthority(directory);
  let certificatePem: string | undefined;
  try {
    if (certificateFile !== undefined) certificatePem = await readFile(certificateFile, 'utf8');
  } catch (cause) {
    throw new CloisterError('CL_IDENTITY_MISSING', `${certificateFile} cannot be read`, { cause });
  }
  await writeRevocationList(directory, await nextRevocationList(authority, authority.crlPem, Date.now(), certificatePem));
  const path = join(directory, 'crl.pem');
  const done = certificateFile === undefined ? 'renewed' : `${certificateFile} is revoked`;
  return { text: [`${done}; hand ${path} to the rooms and the broker`], json: { revocationList: path, revoked: certificateFile ?? null } };
}

async function show(directory: string): Promise<Outcome> {
  const identity = await readIdentity(directory);
  const accountId = accountIdOf(identity.account);
  const json = {
    directory,
    account: identity.account,
    organisation: identity.organisation,
    endpoint: identity.endpointId,
    accountId,
    notAfter: identity.notAfter.toISOString(),
    brokerRules: brokerRulesFor(identity.endpointId, accountId)
  };
  const text = [
    `account       ${json.account}`,
    `endpoint      ${json.endpoint}`,
    `account id    ${accountId}`,
    `valid until   ${json.notAfter}`,
    'rules for a Mosquitto ACL file:',
    ...json.brokerRules.map((line) => `  ${line}`)
  ];
  return { text, json };
}

type Verb = { readonly options: readonly string[]; readonly directories: 0 | 1; run(args: Arguments): Promise<Outcome> };

const verbs: Readonly<Record<string, Verb>> = {
  'init-ca': { options: ['organisation', 'out'], directories: 0, run: (args) => initAuthority(required(args, 'out'), required(args, 'organisation')) },
  issue: {
    options: ['account', 'ca', 'out'],
    directories: 0,
    run: (args) => issueInto(required(args, 'out'), required(args, 'ca'), required(args, 'account'))
  },
  'issue-broker': {
    options: ['host', 'ca', 'out'],
    directories: 0,
    run(args) {
      const hosts = args.values['host'];
      if (!Array.isArray(hosts) || hosts.length === 0) throw usage('--host is missing');
      return issueBrokerInto(required(args, 'out'), required(args, 'ca'), hosts);
    }
  },
  revoke: { options: ['ca', 'certificate'], directories: 0, run: (args) => renewList(required(args, 'ca'), required(args, 'certificate')) },
  'renew-crl': { options: ['ca'], directories: 0, run: (args) => renewList(required(args, 'ca')) },
  show: { options: [], directories: 1, run: (args) => show(args.directories[0] ?? '') }
};

function parse(args: readonly string[]): { readonly verb: Verb; readonly parsed: Arguments } {
  const [name = '', ...rest] = args;
  const verb = Object.hasOwn(verbs, name) ? verbs[name] : undefined;
  if (verb === undefined) throw usage(name === '' ? 'a verb is missing' : `${name} is not a verb of cloister identity`);
  const options = Object.fromEntries(verb.options.map((option) => [option, { type: 'string' as const, multiple: option === 'host' }]));
  try {
    const { values, positionals } = parseArgs({ args: rest, options: { ...options, json: { type: 'boolean' } }, allowPositionals: true });
    if (positionals.length !== verb.directories) throw usage(verb.directories === 0 ? `${positionals[0]} is not expected` : 'one folder is expected');
    return { verb, parsed: { values, directories: positionals } };
  } catch (error) {
    throw error instanceof CloisterError ? error : usage(error instanceof Error ? error.message : String(error));
  }
}

/** @returns the exit status: 0 done, 1 failed, 2 bad usage */
export async function runIdentityCommand(args: string[], io: CommandIo): Promise<ExitStatus> {
  const json = args.includes('--json');
  if (args[0] === '--help' || args[0] === 'help') {
    io.stdout(USAGE);
    return 0;
  }
  try {
    const { verb, parsed } = parse(args);
    const outcome = await verb.run(parsed);
    if (json) io.stdout(JSON.stringify(outcome.json));
    else for (const line of outcome.text) io.stdout(line);
    return 0;
  } catch (cause) {
    const error = asCloisterError(cause);
    if (json) io.stdout(JSON.stringify({ error: { code: error.code, message: error.message } }));
    io.stderr(`${error.code}: ${error.message}`);
    if (error.code !== 'CL_USAGE') return 1;
    io.stderr(USAGE);
    return 2;
  }
}

export type IdentityFolders = {
  readonly authority: string;
  readonly broker: string;
  readonly rooms: readonly { readonly account: string; readonly directory: string }[];
};

/**
 * A CA, a broker certificate for this machine's loopback and an identity for each room, in the folders given; what is there already is used.
 * @param folders the accounts are of one organisation
 * @throws CloisterError CL_ADDRESS_INVALID, CL_IDENTITY_INVALID
 */
export async function ensureIdentities({ authority, broker, rooms }: IdentityFolders): Promise<void> {
  const organisation = (rooms[0]?.account ?? '').split('@')[1] ?? '';
  await unlessThere(() => initAuthority(authority, organisation));
  await unlessThere(() => issueBrokerInto(broker, authority, ['localhost', '127.0.0.1', '::1']));
  for (const { account, directory } of rooms) await unlessThere(() => issueInto(directory, authority, account));
}

async function unlessThere(make: () => Promise<unknown>): Promise<void> {
  try {
    await make();
  } catch (error) {
    if (!(error instanceof CloisterError) || error.code !== 'CL_IDENTITY_EXISTS') throw error;
  }
}
