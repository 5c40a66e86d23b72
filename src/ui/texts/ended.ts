// ended
import { translations } from './translations.ts';

export const ended = translations({
  en: {
    'ended.title': 'Call ended',
    'ended.failedTitle': 'Call ended: the security check failed',
    'ended.duration': 'Duration',
    'ended.notConnected': 'not connected',
    'ended.security': 'Security',
    'ended.noticedBy': 'Noticed by',
    'ended.again': 'Call again'
  },
  de: {
    'ended.title': 'Call ended',
    'ended.failedTitle': 'Call ended: the security check failed',
    'ended.duration': 'Duration',
    'ended.notConnected': 'not connected',
    'ended.security': 'Security',
    'ended.noticedBy': 'Noticed by',
    'ended.again': 'Call again'
  },
  fr: {
    'ended.title': 'Call ended',
    'ended.failedTitle': 'Call ended: the security check failed',
    'ended.duration': 'Duration',
    'ended.notConnected': 'not connected',
    'ended.security': 'Security',
    'ended.noticedBy': 'Noticed by',
    'ended.again': 'Call again'
  },
  es: {
    'ended.title': 'Call ended',
    'ended.failedTitle': 'Call ended: the security check failed',
    'ended.duration': 'Duration',
    'ended.notConnected': 'not connected',
    'ended.security': 'Security',
    'ended.noticedBy': 'Noticed by',
    'ended.again': 'Call again'
  },
  ja: {
    'ended.title': 'Call ended',
    'ended.failedTitle': 'Call ended: the security check failed',
    'ended.duration': 'Duration',
    'ended.notConnected': 'not connected',
    'ended.security': 'Security',
    'ended.noticedBy': 'Noticed by',
    'ended.again': 'Call again'
  },
  ar: {
    'ended.title': 'Call ended',
    'ended.failedTitle': 'Call ended: the security check failed',
    'ended.duration': 'Duration',
    'ended.notConnected': 'not connected',
    'ended.security': 'Security',
    'ended.noticedBy': 'Noticed by',
    'ended.again': 'Call again'
  }
});
