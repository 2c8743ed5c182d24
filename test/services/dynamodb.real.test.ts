import { nativeContract } from '../contracts/native.ts';
import { startTables } from './tables.ts';

nativeContract('DynamoDB', startTables);
