/** A real S3 server on loopback: TLS, versioning, and encryption with a KMS key as the bucket's default. */
import type { ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { copyFile, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { Agent } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  CreateBucketCommand,
  DeleteObjectsCommand,
  ListObjectsV2Command,
  ListObjectVersionsCommand,
  PutBucketEncryptionCommand,
  PutBucketVersioningCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import { makeCertificate } from '../local/certificates.ts';
import { stopChild } from '../local/child.ts';
import { freePort } from '../local/free-port.ts';
import { startServing } from '../local/serving.ts';

const KEY = 'bench-key';

export interface Minio {
  readonly endpoint: string;
  readonly bucket: string;
  readonly caPem: string;
  /** Sum of the current objects under the prefix. */
  storedBytes(prefix: string): Promise<number>;
  /** Deletes every version of every object under the prefix. */
  empty(prefix: string): Promise<void>;
  stop(): Promise<void>;
}

/** @throws Error with the server's log when it does not answer within 60 s. */
export async function startMinio(
  program: string,
  login: { accessKeyId: string; secretAccessKey: string },
): Promise<Minio> {
  const dir = await mkdtemp(join(tmpdir(), 'nightjar-minio-'));
  const certificate = await makeCertificate(join(dir, 'tls'));
  const certificates = join(dir, 'certs');
  await mkdir(certificates);
  await copyFile(certificate.certFile, join(certificates, 'public.crt'));
  await copyFile(certificate.keyFile, join(certificates, 'private.key'));
  const port = await freePort();
  const endpoint = `https://127.0.0.1:${port}`;
  const agent = new Agent({ ca: certificate.caPem, keepAlive: true });
  const s3 = new S3Client({
    endpoint,
    region: 'eu-west-1',
    credentials: login,
    forcePathStyle: true,
    requestHandler: { httpsAgent: agent },
  });
  const bucket = 'bench-vault';
  let child: ChildProcess | undefined;
  const stop = async (): Promise<void> => {
    s3.destroy();
    agent.destroy();
    if (child) await stopChild(child, 'SIGTERM', 10);
    await rm(dir, { recursive: true, force: true, maxRetries: 5 });
  };
  try {
    child = await startServing(
      {
        title: 'MinIO',
        command: program,
        args: ['server', join(dir, 'data'), '--address', `127.0.0.1:${port}`, '--certs-dir', certificates, '--quiet'],
        cwd: dir,
        env: {
          PATH: '/usr/bin:/bin',
          HOME: dir,
          MINIO_ROOT_USER: login.accessKeyId,
          MINIO_ROOT_PASSWORD: login.secretAccessKey,
          MINIO_KMS_SECRET_KEY: `${KEY}:${randomBytes(32).toString('base64')}`,
          MINIO_BROWSER: 'off',
          MINIO_UPDATE: 'off',
        },
        log: join(dir, 'minio.log'),
      },
      () => s3.send(new CreateBucketCommand({ Bucket: bucket })),
    );
    await s3.send(new PutBucketVersioningCommand({ Bucket: bucket, VersioningConfiguration: { Status: 'Enabled' } }));
    const byDefault = { SSEAlgorithm: 'aws:kms', KMSMasterKeyID: KEY } as const;
    await s3.send(
      new PutBucketEncryptionCommand({
        Bucket: bucket,
        ServerSideEncryptionConfiguration: { Rules: [{ ApplyServerSideEncryptionByDefault: byDefault }] },
      }),
    );
  } catch (error) {
    await stop();
    throw error;
  }

  return {
    endpoint,
    bucket,
    caPem: certificate.caPem,
    async storedBytes(prefix) {
      const { Contents = [] } = await s3.send(new ListObjectsV2Command({ Bucket: bucket, Prefix: prefix }));
      return Contents.reduce((sum, { Size = 0 }) => sum + Size, 0);
    },
    async empty(prefix) {
      const { Versions = [], DeleteMarkers = [] } = await s3.send(
        new ListObjectVersionsCommand({ Bucket: bucket, Prefix: prefix }),
      );
      const Objects = [...Versions, ...DeleteMarkers].map(({ Key, VersionId }) => ({ Key, VersionId }));
      if (Objects.length > 0) await s3.send(new DeleteObjectsCommand({ Bucket: bucket, Delete: { Objects } }));
    },
    stop,
  };
}
