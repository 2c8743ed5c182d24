import { engineContract } from '../../contracts/engine.ts';
import { harnessFor } from './harness.ts';

engineContract(harnessFor('DuckDB as a file', {}));
engineContract(harnessFor('DuckDB as Parquet', { format: 'parquet' }, 'ways'));
