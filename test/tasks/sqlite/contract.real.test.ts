import { engineContract } from '../../contracts/engine.ts';
import { harnessFor } from './harness.ts';

engineContract(harnessFor('file'));
engineContract(harnessFor('sql'));
