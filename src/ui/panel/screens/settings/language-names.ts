// Each language in its own name: whoever looks for it can read it.
import type { Language } from '../../../../kernel/panel-choices.ts';

export const LANGUAGE_NAMES: Readonly<Record<Language, string>> = { en: 'English', de: 'Deutsch', fr: 'Français', es: 'Español', ja: '日本語', ar: 'العربية' };
