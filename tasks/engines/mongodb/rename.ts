/** Giving a collection another name, also in another database: there the server copies it first. */
import { codeOf } from './errors.ts';
import type { Server } from './server.ts';

/** NamespaceNotFound, NamespaceExists. */
const MISSING = 26;
export const EXISTS = 48;
/** CommandNotSupportedOnView. */
export const IS_VIEW = 166;

/** False when there is one of that name. One that is gone was renamed by an earlier attempt. */
export async function rename(server: Server, from: string, to: string, { dropTarget = false } = {}): Promise<boolean> {
  try {
    await server.ask('renameCollection', () =>
      server.database('admin').command({ renameCollection: from, to, dropTarget }),
    );
    return true;
  } catch (thrown) {
    if (codeOf(thrown) === MISSING) return true;
    if (codeOf(thrown) === EXISTS && !dropTarget) return false;
    throw thrown;
  }
}
