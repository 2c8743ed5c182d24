/** Of the question before an outage, what may be printed: whoever has its token can answer it. */
import type { RestoreRecord } from '../../core/backup.ts';
import { shownRestoreSchema, type ShownRestore } from '../shapes/common.ts';

export const withoutToken = (record: RestoreRecord): ShownRestore => shownRestoreSchema.parse(record);
