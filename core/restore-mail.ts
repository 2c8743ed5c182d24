/** The mail at the end of a restore that a service did itself, where somebody has to look at something. */
import type { RestoreRecord } from './backup.ts';
import type { NativeRestore } from './native.ts';
import { noticeMail } from './notice.ts';
import type { Mail } from './report.ts';

/** @param serving which data serves and what to do next, in a sentence */
export function restoreMail(
  name: string,
  record: RestoreRecord & { readonly native: NativeRestore },
  serving: string,
): Mail {
  const { restoreId, destination, status, failure, native, warnings = [] } = record;
  const failed = status !== 'COMPLETED';
  const headline = failed
    ? `The restore of ${destination} FAILED.`
    : `${destination} was restored; some things are to be looked at.`;
  return noticeMail({
    subject: `Nightjar ${name}: ${headline}`,
    headline,
    tone: failed ? 'bad' : 'good',
    sections: [
      { heading: 'What serves', lines: [serving] },
      {
        heading: 'What happened',
        lines: failure
          ? [failure.message, ...(failure.detail ? [failure.detail] : []), `What to do: ${failure.hint}`]
          : [],
      },
      {
        heading: 'Settings that are not as they were',
        lines: (native.differences ?? []).map((one) => `${one.setting}: is ${one.found}, was ${one.expected}`),
      },
      { heading: 'To be looked at', lines: warnings },
      { heading: 'What was checked', lines: native.checks ?? [] },
      { heading: 'More', lines: [], commands: [`nightjar show ${restoreId}`] },
    ],
    foot: `Nightjar ${name} · restore ${restoreId}`,
  });
}
