// Installing and removing config/udev/70-cloister.rules. First a plan, which changes nothing and can be shown; then the plan is carried out and what
// changed is told. A file of the same name that is not Cloister's is never touched, nor a link (a link to /dev/null is udev's way to say "never").
import { chmod, chown, lstat, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { asCloisterError } from '../kernel/errors.ts';
import { hidPurpose, type MachineRoot, readDeviceNodes } from './device-nodes.ts';

export const RULE_PATH = '/etc/udev/rules.d/70-cloister.rules';
/** What a file has to begin with to be taken for ours. */
const SIGNATURE = '# Cloister udev rule';

export type RuleWish = 'install' | 'remove';

type RulePlan = {
  /** `none`: it is as wished already. `foreign`: nothing may be done. */
  readonly action: 'write' | 'replace' | 'delete' | 'none' | 'foreign';
  readonly text: string;
};

/** @param installed what is at the rule's place; null where nothing is */
function planRule(wish: RuleWish, rule: string, installed: { readonly regular: boolean; readonly content: string } | null): RulePlan {
  if (installed !== null && !(installed.regular && installed.content.startsWith(SIGNATURE)))
    return { action: 'foreign', text: `${RULE_PATH} is not Cloister’s: it is left as it is. Move it away first.` };
  if (wish === 'remove')
    return installed === null ? { action: 'none', text: `${RULE_PATH} is not there.` } : { action: 'delete', text: `Delete ${RULE_PATH}.` };
  if (installed === null) return { action: 'write', text: `Write ${RULE_PATH}.` };
  if (installed.content === rule) return { action: 'none', text: `${RULE_PATH} is there, and the present one.` };
  return { action: 'replace', text: `Replace ${RULE_PATH}, which is of another version or was changed; the old one stays beside it as 70-cloister.rules.old.` };
}

export type RuleChange = { readonly result: 'done' | 'unchanged' | 'refused' | 'failed'; readonly lines: readonly string[] };

export type RuleOptions = MachineRoot & {
  readonly wish: RuleWish;
  /** The content of config/udev/70-cloister.rules. */
  readonly rule: string;
  readonly dryRun: boolean;
  /** This process is root. */
  readonly privileged: boolean;
  /** What to type to have it done as root. */
  readonly command: string;
  /** Runs a program to its end. @throws where it is missing or fails */
  readonly run: (program: string, args: readonly string[]) => Promise<void>;
};

export async function changeRule(options: RuleOptions): Promise<RuleChange> {
  const { root, wish, rule, dryRun, privileged, run } = options;
  const path = join(root, RULE_PATH);
  const plan = planRule(wish, rule, await readInstalled(path));
  if (plan.action === 'foreign') return { result: 'refused', lines: [plan.text] };
  const reload = reloadCommands(wish);
  if (dryRun) {
    const steps = plan.action === 'none' ? [] : [plan.text, ...reload.map((args) => `Run udevadm ${args.join(' ')}.`)];
    return { result: 'unchanged', lines: steps.length === 0 ? [plan.text, 'Nothing would be done.'] : ['This would be done:', ...steps] };
  }
  if (plan.action === 'none') return { result: 'unchanged', lines: [plan.text] };
  if (!privileged) return { result: 'refused', lines: ['Only root may do this. The command is:', `  ${options.command}`] };
  const before = await nodeStates(options);
  try {
    if (plan.action === 'replace') await writeFile(`${path}.old`, await readFile(path));
    if (plan.action === 'delete') await rm(path);
    else await writeFile(path, rule, { mode: 0o644 });
  } catch (cause) {
    return { result: 'failed', lines: [`${plan.text} This failed: ${asCloisterError(cause).message}.`] };
  }
  const done = [`Done: ${plan.text}`];
  try {
    for (const [index, args] of reload.entries()) {
      await run('udevadm', args);
      // udev sets a node's group and an attribute, and takes neither back.
      if (wish === 'remove' && index === 0) await Promise.all([closeNodes(root), letInputsGo(root)]);
    }
  } catch (cause) {
    const why = asCloisterError(cause).message;
    return { result: 'failed', lines: [...done, `udev did not take it (${why}). It holds after a restart, or when the devices are plugged in again.`] };
  }
  return { result: 'done', lines: [...done, ...describeChanges(before, await nodeStates(options))] };
}

/** After a removal as if the devices came anew, so that whatever other rule speaks of them has its way again. */
const reloadCommands = (wish: RuleWish): readonly (readonly string[])[] => [
  ['control', '--reload'],
  wish === 'install'
    ? ['trigger', '--action=change', '--subsystem-match=hidraw', '--subsystem-match=input', '--settle']
    : ['trigger', '--action=add', '--subsystem-match=hidraw', '--settle']
];

async function readInstalled(path: string): Promise<{ readonly regular: boolean; readonly content: string } | null> {
  const facts = await lstat(path).catch(() => null);
  if (facts === null) return null;
  const regular = facts.isFile();
  return { regular, content: regular ? await readFile(path, 'utf8') : '' };
}

/** What the rule is about, in words: the HID nodes with owner and mode, and the input nodes that the kernel may not use. */
async function nodeStates({ root }: MachineRoot): Promise<ReadonlyMap<string, string>> {
  const nodes = (await readDeviceNodes({ root })).filter(({ kind }) => kind === 'hid');
  const states = nodes.map(({ path, name, owner, group, mode }): [string, string] => [`${path} (${name})`, `${owner}:${group} 0${mode.toString(8)}`]);
  const inputs = (await telephonyInputs(root)).map(
    async (name): Promise<[string, string]> => [
      name,
      (await readFile(inhibitedFile(root, name), 'utf8').catch(() => '0')).trim() === '1' ? 'kept from the kernel' : 'used by the kernel'
    ]
  );
  return new Map([...states, ...(await Promise.all(inputs))]);
}

function describeChanges(before: ReadonlyMap<string, string>, after: ReadonlyMap<string, string>): readonly string[] {
  const changed = [...after].filter(([name, state]) => before.get(name) !== state);
  if (changed.length === 0) return [after.size === 0 ? 'No device that it is about is plugged in.' : 'No device that is plugged in changed.'];
  return changed.map(([name, state]) => `${name}: ${state}, was ${before.get(name) ?? 'not there'}.`);
}

const inhibitedFile = (root: string, name: string): string => join(root, 'sys/class/input', name, 'inhibited');

async function telephonyInputs(root: string): Promise<readonly string[]> {
  const folder = join(root, 'sys/class/input');
  const names = (await readdir(folder).catch(() => [])).filter((name) => /^input\d+$/.test(name)).sort();
  const judged = names.map(async (name) => {
    const descriptor = await readFile(join(folder, name, 'device/report_descriptor')).catch(() => null);
    return descriptor !== null && hidPurpose(descriptor) === 'telephony' ? [name] : [];
  });
  return (await Promise.all(judged)).flat();
}

/** Back to root alone, as the kernel makes them: those that are as the rule makes them. */
async function closeNodes(root: string): Promise<void> {
  const group = (await readFile(join(root, 'etc/group'), 'utf8').catch(() => '')).match(/^audio:[^:]*:(\d+):/m)?.[1];
  const folder = join(root, 'dev');
  for (const name of (await readdir(folder).catch(() => [])).filter((entry) => /^hidraw\d+$/.test(entry))) {
    const node = join(folder, name);
    const { gid, mode } = await lstat(node);
    if (group === undefined || gid !== Number(group) || (mode & 0o777) !== 0o660) continue;
    await chmod(node, 0o600);
    await chown(node, 0, 0).catch(() => {});
  }
}

async function letInputsGo(root: string): Promise<void> {
  for (const name of await telephonyInputs(root)) await writeFile(inhibitedFile(root, name), '0').catch(() => {});
}
