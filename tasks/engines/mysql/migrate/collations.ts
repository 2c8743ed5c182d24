/** Which collation of the one server stands for which of the other. */

/** By the language that MySQL puts into a name, what MariaDB calls it. Source: both manuals' lists of Unicode collations. */
const LANGUAGES: Readonly<Record<string, string>> = {
  de_pb: 'german2',
  is: 'icelandic',
  lv: 'latvian',
  ro: 'romanian',
  sl: 'slovenian',
  pl: 'polish',
  et: 'estonian',
  es: 'spanish',
  sv: 'swedish',
  tr: 'turkish',
  cs: 'czech',
  da: 'danish',
  lt: 'lithuanian',
  sk: 'slovak',
  es_trad: 'spanish2',
  la: 'roman',
  eo: 'esperanto',
  hu: 'hungarian',
  hr: 'croatian',
  vi: 'vietnamese',
};
const CODES = Object.fromEntries(Object.entries(LANGUAGES).map(([code, language]) => [language, code]));

/**
 * Names that may stand for this one, the nearest first; the same when nothing is known of it. What differs in the order of
 * few characters comes before what takes others for equal.
 */
export function kinOf(collation: string): string[] {
  const name = collation.toLowerCase();
  return [name, ...utf8Names(name), ...ofMysql(name), ...ofMariadb(name)];
}

/** Whether a space at a text's end counts when it is compared. */
export const countsSpaces = (collation: string): boolean => /_nopad_|_0900_/.test(collation);

/** MySQL before 8.0.30 says `utf8_`, later versions and MariaDB from 10.6 on `utf8mb3_`. */
function utf8Names(name: string): string[] {
  if (name.startsWith('utf8_')) return [name.replace('utf8_', 'utf8mb3_')];
  return name.startsWith('utf8mb3_') ? [name.replace('utf8mb3_', 'utf8_')] : [];
}

function ofMysql(name: string): string[] {
  if (name === 'utf8mb4_0900_bin') return ['utf8mb4_nopad_bin', 'utf8mb4_bin'];
  const [, code, accents, cases] = /^utf8mb4_(?:(.+)_)?0900_(a[is])_(c[is])(?:_ks)?$/.exec(name) ?? [];
  if (accents === undefined || cases === undefined) return [];
  const language = code === undefined ? undefined : LANGUAGES[code];
  return [
    ...(language === undefined ? [] : [`utf8mb4_uca1400_${language}_nopad_${accents}_${cases}`]),
    `utf8mb4_uca1400_nopad_${accents}_${cases}`,
    // Before MariaDB 10.10.
    ...(cases === 'cs' ? ['utf8mb4_nopad_bin'] : []),
    ...(language === undefined ? [] : [`utf8mb4_${language}_ci`]),
    'utf8mb4_unicode_520_nopad_ci',
  ];
}

function ofMariadb(name: string): string[] {
  const [, charset, rest] = /^(?:(utf8mb4|utf8mb3|ucs2|utf16|utf32)_)?(.+)$/.exec(name) ?? [];
  const into = charset ?? 'utf8mb4';
  const short = into === 'utf8mb3' ? ['utf8mb3', 'utf8'] : [into];
  const inAll = (...ends: string[]): string[] => ends.flatMap((end) => short.map((set) => `${set}_${end}`));
  if (rest === 'nopad_bin') return [...(into === 'utf8mb4' ? ['utf8mb4_0900_bin'] : []), ...inAll('bin')];
  const old = /^(.*)_nopad_ci$/.exec(rest ?? '')?.[1];
  if (old !== undefined && !rest!.includes('uca1400')) return inAll(`${old}_ci`);
  const [, language, nopad, accents, cases] = /^uca1400_(?:(.+?)_)??(nopad_)?(a[is])_(c[is])$/.exec(rest ?? '') ?? [];
  if (accents === undefined || cases === undefined) return [];
  const code = language === undefined ? undefined : CODES[language];
  const end = `0900_${accents}_${accents === 'ai' ? 'ci' : cases}`;
  // MySQL's newer ones all count spaces at the end.
  const older = nopad === undefined && accents === 'ai' && cases === 'ci';
  return [
    ...(older ? inAll(...(language === undefined ? [] : [`${language}_ci`]), 'unicode_520_ci') : []),
    ...(into === 'utf8mb4' ? [...(code === undefined ? [] : [`utf8mb4_${code}_${end}`]), `utf8mb4_${end}`] : []),
    ...inAll(...(cases === 'cs' ? ['bin'] : []), 'unicode_520_ci', 'unicode_ci'),
  ];
}
