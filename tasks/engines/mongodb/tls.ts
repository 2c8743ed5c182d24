/** How the server's certificate is verified: options for the driver, and the same for the tools. */
import { authorityFile, authorityOf } from '../../authority.ts';
import type { EngineContext } from '../../engine.ts';

export interface Tls {
  readonly verified: boolean;
  /** For both, in the words of a connection string. */
  readonly options: Readonly<Record<string, string>>;
}

/** Writes the authority's file into the scratch directory. @throws TLS_FAILED when the image has no certificates. */
export async function tlsOf({ target, scratch, env }: EngineContext<'mongodb'>): Promise<Tls> {
  const ca = await authorityOf(target, env);
  if (ca === undefined) return { verified: false, options: { tls: 'true', tlsInsecure: 'true' } };
  return { verified: true, options: { tls: 'true', tlsCAFile: await authorityFile(scratch, ca) } };
}
