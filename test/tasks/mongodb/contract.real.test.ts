import { engineContract } from '../../contracts/engine.ts';
import { harness } from './harness.ts';

engineContract(harness);
