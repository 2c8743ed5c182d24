/** What the driver and the tools are told of a deployment, as the driver itself reads it. */
import { createSocket } from 'node:dgram';
import dns from 'node:dns';
import { MongoClient } from 'mongodb';
import { afterEach, expect, it } from 'vitest';
import { uriOf } from '../../../tasks/engines/mongodb/server.ts';

const HERE = { host: 'shop.example.org', port: 27_017, srv: false, authDatabase: 'admin' } as const;
const LOGIN = { username: 'nightjar@example', password: 'p@ss:/?#[]%word ü' };
const readBack = (...given: Parameters<typeof uriOf>) => new MongoClient(uriOf(...given)).options;

const servers = dns.getServers();
afterEach(() => dns.setServers(servers));

it('names one host as it is meant, with every character of a password', () => {
  const options = readBack(HERE, LOGIN, { tls: 'true' });
  expect(options.hosts.map(String)).toEqual(['shop.example.org:27017']);
  expect(options).toMatchObject({ directConnection: true, tls: true });
  expect(options.credentials).toMatchObject({ ...LOGIN, source: 'admin' });
  expect(readBack({ ...HERE, host: '::1' }, LOGIN, {}).hosts.map(String)).toEqual(['[::1]:27017']);
});

it('lets the driver look for the primary of a set that is named', () => {
  const options = readBack({ ...HERE, replicaSet: 'rs0' }, LOGIN, {});
  expect(options.replicaSet).toBe('rs0');
  expect(options.directConnection).not.toBe(true);
});

/** An answer to each question for SRV: two servers of a set. Source: RFC 1035, RFC 2782. */
function answered(question: Buffer): Buffer {
  const name = question.subarray(12, question.indexOf(0, 12) + 1);
  const type = question.readUInt16BE(12 + name.length);
  const records =
    type === SRV
      ? ['one', 'two'].map((host) => record(SRV, srv(`${host}.shop.example.org`)))
      : [record(TXT, text('replicaSet=atlas-0'))];
  const head = Buffer.from(question.subarray(0, 12));
  head.writeUInt16BE(0x8180, 2);
  head.writeUInt16BE(records.length, 6);
  head.writeUInt32BE(0, 8);
  return Buffer.concat([head, question.subarray(12, 12 + name.length + 4), ...records]);
}
const [TXT, SRV] = [16, 33];
/** Of the name that was asked for. */
function record(type: number, data: Buffer): Buffer {
  const head = Buffer.from([0xc0, 12, 0, type, 0, 1, 0, 0, 0, 60, 0, 0]);
  head.writeUInt16BE(data.length, 10);
  return Buffer.concat([head, data]);
}
const text = (words: string): Buffer => Buffer.from([words.length, ...Buffer.from(words)]);
const srv = (host: string): Buffer =>
  Buffer.concat([Buffer.from([0, 0, 0, 0, 0x69, 0x8a]), ...host.split('.').map(text), Buffer.alloc(1)]);

it('looks an Atlas name up in DNS for its servers and their set, without a port', async () => {
  const asked = new Set<string>();
  const server = createSocket('udp4');
  server.on('message', (question, from) => {
    asked.add(
      question
        .subarray(12, question.indexOf(0, 12))
        .toString('latin1')
        .replace(/[^\w-]/g, '.'),
    );
    server.send(answered(question), from.port, from.address);
  });
  await new Promise<void>((resolve) => server.bind(0, '127.0.0.1', resolve));
  try {
    dns.setServers([`127.0.0.1:${server.address().port}`]);
    const uri = uriOf({ ...HERE, host: 'cluster0.shop.example.org', srv: true }, LOGIN, {});
    expect(uri).not.toContain('27017');
    // The servers themselves are nowhere.
    const client = new MongoClient(uri, { serverSelectionTimeoutMS: 300 });
    await expect(client.connect()).rejects.toThrow();
    const { hosts, replicaSet, tls, directConnection } = client.options;
    expect(hosts.map(String)).toEqual(['one.shop.example.org:27018', 'two.shop.example.org:27018']);
    expect({ replicaSet, tls }).toEqual({ replicaSet: 'atlas-0', tls: true });
    expect(directConnection).not.toBe(true);
    expect([...asked].sort()).toEqual(['._mongodb._tcp.cluster0.shop.example.org', '.cluster0.shop.example.org']);
    await client.close();
  } finally {
    server.close();
  }
});
