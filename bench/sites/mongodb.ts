/** MongoDB's tools against a stand-in that keeps all in memory: what is compared is the client's side, not a server's. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { dumpTargetSchema } from '../../core/config.ts';
import { startMongodb } from '../../local/mongodb.ts';
import { batchesOf, COLUMNS } from '../columns.ts';
import { serverTarget, type Ground } from '../ground.ts';
import type { Site, SiteOptions } from '../sites.ts';

const DATABASE = 'bench';

export async function makeMongodb(ground: Ground, { sizeMiB, seed }: SiteOptions): Promise<Site> {
  const server = await startMongodb({ heapMiB: Math.max(1_024, sizeMiB * 12) });
  try {
    const client = await server.connect();
    let documents = 0;
    try {
      for (const { table, rows } of batchesOf(sizeMiB, seed)) {
        const names = Object.keys(COLUMNS[table]);
        const docs = rows.map((row) => Object.fromEntries(row.map((value, index) => [names[index]!, value])));
        await client.db(DATABASE).collection(table).insertMany(docs);
        documents += docs.length;
      }
    } finally {
      await client.close();
    }
    const caFile = join(ground.dir, 'mongodb-ca.pem');
    const config = join(ground.dir, 'mongodb.yaml');
    await writeFile(caFile, server.caPem);
    await writeFile(config, `password: ${JSON.stringify(server.password)}\n`, { mode: 0o600 });
    const login = `--config=${config} --host=${server.host} --port=${server.port} --username=${server.user} --authenticationDatabase=admin --ssl --sslCAFile=${caFile}`;
    return {
      data: `MongoDB's stand-in, ${documents.toLocaleString('en')} documents`,
      target: dumpTargetSchema.parse(await serverTarget(ground, 'bench-mongodb', 'mongodb', server, DATABASE)),
      pipe: {
        label: 'mongodump --archive --gzip | aws s3 cp -',
        script: (url) =>
          `mongodump --quiet ${login} --db=${DATABASE} --archive --gzip | aws s3 cp --quiet - ${url}/dump.archive.gz`,
      },
      stop: () => server.stop(),
    };
  } catch (error) {
    await server.stop();
    throw error;
  }
}
