// The form of every table of texts: one area, all languages. A key that is missing or too much in any of them is a type error.
import type { Language } from '../../kernel/panel-choices.ts';

export type Translations<Key extends string> = Readonly<Record<Language, Readonly<Record<Key, string>>>>;

type InEveryLanguage<English extends Readonly<Record<string, string>>> = { readonly en: English } & {
  readonly [L in Exclude<Language, 'en'>]: { readonly [Key in keyof NoInfer<English>]: string };
};

export function translations<const English extends Readonly<Record<string, string>>>(
  table: InEveryLanguage<English>
): Translations<Extract<keyof English, string>> {
  return table;
}
