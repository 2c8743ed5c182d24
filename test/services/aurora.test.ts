import { renamingContract } from '../contracts/native.ts';
import { auroraHarness } from './rds-harness.ts';

renamingContract('Aurora', async () => auroraHarness());
