import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from './child.ts';

export interface Certificate {
  /** PEM of the authority that signed it, under 1,300 characters. */
  caPem: string;
  caFile: string;
  /** The server's certificate, followed by the authority's. */
  certFile: string;
  keyFile: string;
}

/**
 * Makes a throw-away authority and a server certificate for 127.0.0.1 and localhost in `dir`, unless they are there.
 * The authority's key is not kept. `rsa`: for servers that are too old for elliptic curves.
 */
export async function makeCertificate(dir: string, kind: 'ec' | 'rsa' = 'ec'): Promise<Certificate> {
  await mkdir(dir, { recursive: true });
  const at = (name: string) => join(dir, name);
  const files = { caFile: at('ca.pem'), certFile: at('server.pem'), keyFile: at('server.key') };
  const openssl = (...args: string[]) => run('openssl', args, { cwd: dir });
  const there = await readFile(files.certFile, 'utf8').catch(() => undefined);
  if (there === undefined) {
    const algorithm = kind === 'ec' ? ['ec', '-pkeyopt', 'ec_paramgen_curve:P-256'] : ['rsa:2048'];
    const key = (file: string) => ['-newkey', ...algorithm, '-nodes', '-keyout', file];
    await openssl(
      'req',
      '-x509',
      ...key('ca.key'),
      '-out',
      'ca.pem',
      '-days',
      '825',
      '-subj',
      '/CN=Nightjar local authority',
      '-addext',
      'basicConstraints=critical,CA:TRUE',
      '-addext',
      'keyUsage=critical,keyCertSign,cRLSign',
    );
    await openssl('req', '-new', ...key('server.key'), '-out', 'server.csr', '-subj', '/CN=localhost');
    await writeFile(
      at('server.ext'),
      'subjectAltName=IP:127.0.0.1,DNS:localhost\nbasicConstraints=critical,CA:FALSE\nextendedKeyUsage=serverAuth\n',
    );
    await openssl(
      'x509',
      '-req',
      '-in',
      'server.csr',
      '-CA',
      'ca.pem',
      '-CAkey',
      'ca.key',
      '-CAcreateserial',
      '-days',
      '825',
      '-extfile',
      'server.ext',
      '-out',
      'leaf.pem',
    );
    await writeFile(files.certFile, (await readFile(at('leaf.pem'), 'utf8')) + (await readFile(files.caFile, 'utf8')));
    await Promise.all(
      ['ca.key', 'server.csr', 'server.ext', 'leaf.pem', 'ca.srl'].map((name) => rm(at(name), { force: true })),
    );
  }
  return { ...files, caPem: await readFile(files.caFile, 'utf8') };
}
