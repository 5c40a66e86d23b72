// The room's own picture on its own pages.
import { translations } from './translations.ts';

export const pictures = translations({
  en: { 'pictures.own': 'Picture of this room’s camera', 'pictures.none': 'No picture from the camera' },
  de: { 'pictures.own': 'Bild der Kamera dieses Raums', 'pictures.none': 'Kein Bild von der Kamera' },
  fr: { 'pictures.own': 'Image de la caméra de cette salle', 'pictures.none': 'Aucune image de la caméra' },
  es: { 'pictures.own': 'Imagen de la cámara de esta sala', 'pictures.none': 'No hay imagen de la cámara' },
  ja: { 'pictures.own': 'この会議室のカメラの映像', 'pictures.none': 'カメラの映像がありません' },
  ar: { 'pictures.own': 'صورة كاميرا هذه الغرفة', 'pictures.none': 'لا توجد صورة من الكاميرا' }
});
