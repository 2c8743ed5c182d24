/**
 * What the handlers work with. Every file of this room is `make<State>(parts)`, which a test calls with parts of its
 * own, and `handler`, which wires the real ones at the first event. A handler names only the parts that it needs.
 */
import type { Catalog } from '../../core/catalog.ts';
import type { Config, Placement } from '../../core/config.ts';
import type { Vault } from '../../stores/vault.ts';
import type { WorkBucket } from '../../stores/work.ts';
import type { Pointers } from '../../services/pointer.ts';
import type { Services } from '../native/services.ts';
import type { Events } from './events.ts';
import type { Executions } from './executions.ts';
import type { Mailer } from './mailer.ts';
import type { Metrics } from './metrics.ts';
import type { Tasks } from './tasks.ts';

export interface Parts {
  /** The config's name. */
  readonly name: string;
  readonly catalog: Catalog;
  readonly vault: Vault;
  /** ARN of the key that every object must be encrypted with. */
  readonly vaultKeyArn: string;
  readonly work: WorkBucket;
  readonly config: () => Promise<Config>;
  /** Where tasks run in a stack that made its own VPC. */
  readonly madeNetwork: Placement | undefined;
  readonly executions: Executions;
  readonly tasks: Tasks;
  readonly events: Events;
  readonly metrics: Metrics;
  readonly mailer: Mailer;
  /** Databases whose service restores by itself. */
  readonly services: Services;
  /** What applications read to find their database. */
  readonly pointers: Pointers;
  readonly now: () => Date;
}
