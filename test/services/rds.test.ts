import { renamingContract } from '../contracts/native.ts';
import { rdsHarness } from './rds-harness.ts';

renamingContract('RDS', async () => rdsHarness());
