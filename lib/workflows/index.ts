import type { Machine } from '../../core/names.ts';
import { backupDefinition } from './backup.ts';
import { nightlyDefinition } from './nightly.ts';
import { probeDefinition } from './probe.ts';
import { pruneDefinition } from './prune.ts';
import { restoreSetDefinition } from './restore-set.ts';
import { restoreDefinition } from './restore.ts';
import { rollbackDefinition } from './rollback.ts';
import type { Definition, WorkflowParts } from './states.ts';

export const DEFINITIONS: Readonly<Record<Machine, (parts: WorkflowParts) => Definition>> = {
  nightly: nightlyDefinition,
  backup: backupDefinition,
  restore: restoreDefinition,
  'restore-set': restoreSetDefinition,
  rollback: rollbackDefinition,
  prune: pruneDefinition,
  probe: probeDefinition,
};
