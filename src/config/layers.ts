// Layers of configuration: default < file < command line. Pure. Merging never changes its inputs, and only the whole is validated,
// so that a layer may hold as little as one key.
import type * as z from 'zod';
import { CloisterError } from '../kernel/errors.ts';
import { err, ok, type Result } from '../kernel/result.ts';
import { type Config, configSchema } from './schema.ts';

export type ConfigLayer = Readonly<Record<string, unknown>>;

const isObject = (value: unknown): value is ConfigLayer => typeof value === 'object' && value !== null && !Array.isArray(value);

/** `upper` over `lower`: objects are merged key by key, anything else (lists too) is replaced whole. */
export function mergeLayers(lower: ConfigLayer, upper: ConfigLayer): ConfigLayer {
  const merged = new Map(Object.entries(lower));
  for (const [key, value] of Object.entries(upper)) {
    const below = merged.get(key);
    merged.set(key, isObject(below) && isObject(value) ? mergeLayers(below, value) : value);
  }
  // fromEntries defines own properties, so that a key such as __proto__ stays a key, to be refused by the schema.
  return Object.fromEntries(merged);
}

/**
 * One command-line override, `uiServer.port=8481`: the value is JSON where it is that, else text.
 * @returns CL_CONFIG_INVALID where it has not this form; whether the key exists is seen when the whole is validated
 */
export function parseOverride(text: string): Result<ConfigLayer> {
  const equals = text.indexOf('=');
  const keys = text.slice(0, equals).split('.');
  if (equals < 1 || keys.some((key) => !/^[A-Za-z$][A-Za-z0-9]*$/.test(key))) {
    return err(new CloisterError('CL_CONFIG_INVALID', 'an override has the form key.subkey=value, such as uiServer.port=8481'));
  }
  let value: unknown = text.slice(equals + 1);
  try {
    value = JSON.parse(text.slice(equals + 1));
  } catch {
    // Not JSON: text, so that room.name=Boardroom needs no quotes.
  }
  return ok(keys.reduceRight<ConfigLayer>((inner, key, index) => ({ [key]: index === keys.length - 1 ? value : inner }), {}));
}

/**
 * The configuration that the layers make, lowest first, over the schema's defaults.
 * @returns CL_CONFIG_INVALID whose message names every wrong key and what it must be, but no value: one may be a credential
 */
export function resolveConfig(layers: readonly ConfigLayer[]): Result<Config> {
  const parsed = configSchema.safeParse(layers.reduce(mergeLayers, {}));
  if (parsed.success) return ok(parsed.data);
  const problems = parsed.error.issues.flatMap(describe);
  return err(new CloisterError('CL_CONFIG_INVALID', `The configuration is not valid: ${problems.join('; ')}.`, { details: { problems: problems.length } }));
}

const pathOf = (path: readonly PropertyKey[]): string =>
  path.reduce<string>((text, key) => (typeof key === 'number' ? `${text}[${key}]` : text === '' ? String(key) : `${text}.${String(key)}`), '');

const TYPE_NAMES: Readonly<Record<string, string>> = {
  string: 'text',
  // The schema's numbers are all whole.
  int: 'a whole number',
  number: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'an object with keys'
};

/** An issue of the schema in words; one for each unknown key. */
function describe(issue: z.core.$ZodIssue): string[] {
  const at = pathOf(issue.path) || 'the configuration';
  switch (issue.code) {
    case 'unrecognized_keys':
      return issue.keys.map((key) => `${pathOf([...issue.path, key])} is not a key that Cloister knows`);
    case 'invalid_type':
      return [`${at} must be ${TYPE_NAMES[issue.expected] ?? issue.expected}`];
    case 'invalid_value':
      return [`${at} must be ${issue.values.map(String).join(' or ')}`];
    case 'too_small':
    case 'too_big': {
      const limit = issue.code === 'too_small' ? `at least ${issue.minimum}` : `at most ${issue.maximum}`;
      const unit = issue.origin === 'string' ? ' characters long' : issue.origin === 'array' ? ' entries long' : '';
      return [`${at} must be ${limit}${unit}`];
    }
    case 'not_multiple_of':
      return [`${at} must be a multiple of ${issue.divisor}`];
    case 'invalid_format':
    case 'custom':
      return [`${at} ${issue.message}`];
    default:
      return [`${at} is not valid`];
  }
}
