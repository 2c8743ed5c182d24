import { POSTGRES_MAJORS } from '../../../local/postgres.ts';
import { engineContract } from '../../contracts/engine.ts';
import { harnessFor } from './harness.ts';

for (const major of POSTGRES_MAJORS) engineContract(harnessFor(major));
