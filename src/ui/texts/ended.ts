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
    'ended.again': 'Call again',
    'ended.report': 'Report a problem',
    'ended.favourite': 'Add to favourites',
    'ended.isFavourite': 'In favourites',
    'ended.differTitle': 'What this means, and what to do',
    'ended.differText':
      'Somebody may be between the two rooms and may have seen and heard this call. Say nothing confidential in another one. Tell your administrator now, and tell the other side in person or by telephone.',
    'ended.failedText': 'Tell your administrator before you call again.'
  },
  de: {
    'ended.title': 'Anruf beendet',
    'ended.failedTitle': 'Anruf beendet: Die Sicherheitsprüfung ist fehlgeschlagen',
    'ended.duration': 'Dauer',
    'ended.notConnected': 'nicht verbunden',
    'ended.security': 'Sicherheit',
    'ended.noticedBy': 'Bemerkt durch',
    'ended.again': 'Erneut anrufen',
    'ended.report': 'Problem melden',
    'ended.favourite': 'Zu den Favoriten',
    'ended.isFavourite': 'In den Favoriten',
    'ended.differTitle': 'Was das heißt und was zu tun ist',
    'ended.differText':
      'Jemand könnte zwischen den beiden Räumen sitzen und diesen Anruf gesehen und gehört haben. Sagen Sie in einem weiteren nichts Vertrauliches. Benachrichtigen Sie jetzt Ihre Administration und die Gegenseite persönlich oder per Telefon.',
    'ended.failedText': 'Benachrichtigen Sie Ihre Administration, bevor Sie erneut anrufen.'
  },
  fr: {
    'ended.title': 'Appel terminé',
    'ended.failedTitle': 'Appel terminé : le contrôle de sécurité a échoué',
    'ended.duration': 'Durée',
    'ended.notConnected': 'non connecté',
    'ended.security': 'Sécurité',
    'ended.noticedBy': 'Détecté par',
    'ended.again': 'Rappeler',
    'ended.report': 'Signaler un problème',
    'ended.favourite': 'Ajouter aux favoris',
    'ended.isFavourite': 'Dans les favoris',
    'ended.differTitle': 'Ce que cela signifie et que faire',
    'ended.differText':
      'Quelqu’un se trouve peut-être entre les deux salles et a pu voir et entendre cet appel. Ne dites rien de confidentiel dans un autre. Prévenez maintenant votre administrateur, et l’autre partie de vive voix ou par téléphone.',
    'ended.failedText': 'Prévenez votre administrateur avant de rappeler.'
  },
  es: {
    'ended.title': 'Llamada finalizada',
    'ended.failedTitle': 'Llamada finalizada: la comprobación de seguridad ha fallado',
    'ended.duration': 'Duración',
    'ended.notConnected': 'sin conexión',
    'ended.security': 'Seguridad',
    'ended.noticedBy': 'Detectado por',
    'ended.again': 'Volver a llamar',
    'ended.report': 'Informar de un problema',
    'ended.favourite': 'Añadir a favoritos',
    'ended.isFavourite': 'En favoritos',
    'ended.differTitle': 'Qué significa y qué hacer',
    'ended.differText':
      'Alguien podría estar entre las dos salas y haber visto y oído esta llamada. No diga nada confidencial en otra. Avise ahora a su administrador, y a la otra parte en persona o por teléfono.',
    'ended.failedText': 'Avise a su administrador antes de volver a llamar.'
  },
  ja: {
    'ended.title': '通話終了',
    'ended.failedTitle': '通話終了：セキュリティ検査に失敗しました',
    'ended.duration': '通話時間',
    'ended.notConnected': '接続されませんでした',
    'ended.security': 'セキュリティ',
    'ended.noticedBy': '検出元',
    'ended.again': 'もう一度発信',
    'ended.report': '問題を報告',
    'ended.favourite': 'お気に入りに追加',
    'ended.isFavourite': 'お気に入り登録済み',
    'ended.differTitle': '意味と対処',
    'ended.differText':
      '第三者が二つの会議室の間に入り、この通話を見聞きした可能性があります。別の通話でも機密の話をしないでください。今すぐ管理者に連絡し、相手にも対面か電話で知らせてください。',
    'ended.failedText': 'もう一度発信する前に、管理者に連絡してください。'
  },
  ar: {
    'ended.title': 'انتهت المكالمة',
    'ended.failedTitle': 'انتهت المكالمة: فشل التحقق الأمني',
    'ended.duration': 'المدة',
    'ended.notConnected': 'لم تتصل',
    'ended.security': 'الأمان',
    'ended.noticedBy': 'اكتُشف بواسطة',
    'ended.again': 'معاودة الاتصال',
    'ended.report': 'الإبلاغ عن مشكلة',
    'ended.favourite': 'إضافة إلى المفضلة',
    'ended.isFavourite': 'ضمن المفضلة',
    'ended.differTitle': 'ما معنى ذلك وما العمل',
    'ended.differText':
      'قد يكون شخص ما بين القاعتين وربما شاهد هذه المكالمة وسمعها. لا تقولوا شيئًا سريًا في مكالمة أخرى. أبلغوا المسؤول الآن، وأبلغوا الطرف الآخر شخصيًا أو بالهاتف.',
    'ended.failedText': 'أبلغوا المسؤول قبل معاودة الاتصال.'
  }
});
