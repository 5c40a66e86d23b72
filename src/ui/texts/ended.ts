// The call that has just ended.
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
    'ended.title': 'Anruf beendet',
    'ended.failedTitle': 'Anruf beendet: Die Sicherheitsprüfung ist fehlgeschlagen',
    'ended.duration': 'Dauer',
    'ended.notConnected': 'nicht verbunden',
    'ended.security': 'Sicherheit',
    'ended.noticedBy': 'Bemerkt durch',
    'ended.again': 'Erneut anrufen'
  },
  fr: {
    'ended.title': 'Appel terminé',
    'ended.failedTitle': 'Appel terminé : le contrôle de sécurité a échoué',
    'ended.duration': 'Durée',
    'ended.notConnected': 'non connecté',
    'ended.security': 'Sécurité',
    'ended.noticedBy': 'Détecté par',
    'ended.again': 'Rappeler'
  },
  es: {
    'ended.title': 'Llamada finalizada',
    'ended.failedTitle': 'Llamada finalizada: la comprobación de seguridad ha fallado',
    'ended.duration': 'Duración',
    'ended.notConnected': 'sin conexión',
    'ended.security': 'Seguridad',
    'ended.noticedBy': 'Detectado por',
    'ended.again': 'Volver a llamar'
  },
  ja: {
    'ended.title': '通話終了',
    'ended.failedTitle': '通話終了：セキュリティ検査に失敗しました',
    'ended.duration': '通話時間',
    'ended.notConnected': '接続されませんでした',
    'ended.security': 'セキュリティ',
    'ended.noticedBy': '検出元',
    'ended.again': 'もう一度発信'
  },
  ar: {
    'ended.title': 'انتهت المكالمة',
    'ended.failedTitle': 'انتهت المكالمة: فشل التحقق الأمني',
    'ended.duration': 'المدة',
    'ended.notConnected': 'لم تتصل',
    'ended.security': 'الأمان',
    'ended.noticedBy': 'اكتُشف بواسطة',
    'ended.again': 'معاودة الاتصال'
  }
});
