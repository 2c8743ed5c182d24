/**
 * What each command prints with `--json`: the documented shapes (`docs/cli.md`). Times are ISO 8601 in UTC, sizes bytes,
 * spans seconds. A field may be added; none is taken away or changes its meaning within a major version.
 */
import { backupsShape, runsShape, showShape, statusShape, targetsShape } from './shapes/reading.ts';
import {
  approveShape,
  cancelShape,
  nativePlannedShape,
  restorePlannedShape,
  restoreSetShape,
  restoreShape,
  rollbackShape,
  setPlannedShape,
  settingsDiffShape,
} from './shapes/restoring.ts';
import { startupShape } from './shapes/startup.ts';
import { backupShape, doctorShape, prunePlannedShape, pruneShape, rebuildShape } from './shapes/upkeep.ts';

export { errorShape, type WorkflowJson } from './shapes/common.ts';
export * from './shapes/reading.ts';
export * from './shapes/restoring.ts';
export * from './shapes/startup.ts';
export * from './shapes/upkeep.ts';

/** By command; a command that also plans has two, or one of each method. */
export const SHAPES = {
  status: [statusShape],
  targets: [targetsShape],
  backup: [backupShape],
  backups: [backupsShape],
  show: [showShape],
  restore: [restorePlannedShape, nativePlannedShape, setPlannedShape, restoreShape, restoreSetShape],
  approve: [approveShape],
  cancel: [cancelShape],
  rollback: [rollbackShape],
  startup: [startupShape],
  settings: [settingsDiffShape],
  runs: [runsShape],
  prune: [prunePlannedShape, pruneShape],
  rebuild: [rebuildShape],
  doctor: [doctorShape],
} as const;
