/** MyDuck Server's stand-in: its own BACKUP goes through the exchange, in the S3 that is the vault's too. */
import { Agent } from 'node:https';
import { S3Client } from '@aws-sdk/client-s3';
import { REGION } from '../../../local/account.ts';
import { startStandIn } from '../../tasks/myduck/stand-in.ts';
import { duckdbDigest, duckdbFill } from '../duckdb-rows.ts';
import { startKeys } from '../keys.ts';
import { DATABASE, orStop, type MakePlace } from '../place.ts';

export const makeMyduck: MakePlace = async (ground, load) => {
  const { endpoint, bucket, caPem } = ground.minio;
  const credentials = {
    accessKeyId: ground.taskEnv.AWS_ACCESS_KEY_ID!,
    secretAccessKey: ground.taskEnv.AWS_SECRET_ACCESS_KEY!,
  };
  const agent = new Agent({ ca: caPem, keepAlive: true });
  const s3 = new S3Client({
    endpoint,
    region: REGION,
    credentials,
    forcePathStyle: true,
    requestHandler: { httpsAgent: agent },
  });
  const keys = await startKeys({ id: credentials.accessKeyId, secret: credentials.secretAccessKey });
  const standIn = await orStop(keys, () => startStandIn({ s3: () => s3 }));
  const stop = async (): Promise<void> => {
    s3.destroy();
    agent.destroy();
    await standIn.stop();
    await keys.stop();
  };
  return orStop({ stop }, async () => {
    const of =
      (database: string) =>
      (sql: string): Promise<Record<string, unknown>[]> =>
        standIn.run(database, sql);
    await standIn.create(DATABASE);
    await duckdbFill(of(DATABASE), load);
    const [row] = await standIn.run(DATABASE, 'SELECT version() AS version');
    return {
      title: `MyDuck Server’s stand-in (DuckDB ${String(row!.version)})`,
      target: {
        name: 'load-myduck',
        engine: 'myduck',
        host: '127.0.0.1',
        port: standIn.port,
        database: DATABASE,
        secret: await ground.secret('load-myduck', { username: 'nightjar', password: standIn.password }),
        tls: { verify: 'off' },
        exchange: { bucket, user: 'nightjar-exchange', prefix: 'exchange/' },
      },
      taskEnv: { AWS_ENDPOINT_URL_IAM: keys.endpoint },
      copy: `${DATABASE}_copy`,
      async bytes() {
        const [size] = await standIn.run(
          DATABASE,
          `SELECT block_size * total_blocks AS bytes FROM pragma_database_size() WHERE database_name = '${DATABASE}'`,
        );
        return Number(size!.bytes);
      },
      digest: (database) => duckdbDigest(of(database), load),
      stop,
    };
  });
};
