import { memoryCatalog } from '../../stores/memory-catalog.ts';
import { catalogContract } from '../contracts/catalog.ts';

catalogContract('in memory', () => Promise.resolve(memoryCatalog()));
