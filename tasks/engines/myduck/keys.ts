/**
 * Keys for the server: BACKUP and RESTORE take an access key and its secret, and no session token, so the keys of a role are
 * no use. A user of IAM with rights on the exchange's prefix only is made a key for each use, which is deleted afterwards.
 */
import {
  CreateAccessKeyCommand,
  DeleteAccessKeyCommand,
  IAMClient,
  ListAccessKeysCommand,
  type IAMClientConfig,
} from '@aws-sdk/client-iam';
import { HeadObjectCommand, PutObjectCommand, S3Client, type S3ClientConfig } from '@aws-sdk/client-s3';
import { setTimeout as pause } from 'node:timers/promises';
import { NightjarError } from '../../../core/errors.ts';
import { CLIENT_OPTIONS } from '../../../stores/clients.ts';
import type { MyduckContext } from './wire.ts';

export interface Key {
  readonly id: string;
  readonly secret: string;
}

/** The calls behind keys; tests have their own. Source: IAM API reference, CreateAccessKey: two keys a user at most. */
export interface KeyCalls {
  create: (user: string) => Promise<Key>;
  list: (user: string) => Promise<{ readonly id: string; readonly createdAt: Date }[]>;
  remove: (user: string, id: string) => Promise<void>;
  /** Whether S3 takes the key for an object of the exchange: it writes one. */
  works: (key: Key, bucket: string, object: string) => Promise<boolean>;
}

/** A key that is older was left behind by a task that died: the next night removes it. */
const STALE_MS = 20 * 60 * 60 * 1_000;
/** IAM tells its servers of a new key one after the other: one that answered well may be followed by one that does not. */
const GOOD_IN_A_ROW = 3;
const PATIENCE_MS = 120_000;

/** How long is waited between looks; tests wait less. */
export interface KeyPatience {
  readonly pauseMs: number;
}

/**
 * Makes a key, waits until S3 takes it, and deletes it whatever happened: a BACKUP with a key that does not work yet would
 * leave the server read-only. So would one whose key goes while it works: while `busy` says that, when the task was told to
 * stop, the key stays, and the next backup removes it.
 */
export async function withKey<T>(
  { target, report, signal }: Pick<MyduckContext, 'target' | 'report' | 'signal'>,
  calls: KeyCalls,
  options: KeyPatience & { probe: string; busy?: () => boolean },
  work: (key: Key) => Promise<T>,
): Promise<T> {
  const { user, bucket } = target.exchange;
  const wrong = (operation: string, thrown: unknown, detail: string): NightjarError =>
    new NightjarError('PRIVILEGE_MISSING', {
      operation,
      detail: `${detail} ${(thrown as Error).name}: ${(thrown as Error).message}`,
      cause: thrown,
    });
  for (const old of await calls.list(user).catch((thrown: unknown) => {
    throw wrong('ListAccessKeys', thrown, `The keys of ${user} can’t be listed.`);
  }))
    if (Date.now() - old.createdAt.getTime() > STALE_MS) await calls.remove(user, old.id);
  const key = await calls.create(user).catch((thrown: unknown) => {
    throw wrong('CreateAccessKey', thrown, `No key could be made for ${user} (a user has two at most).`);
  });
  try {
    const until = Date.now() + PATIENCE_MS;
    for (let good = 0; good < GOOD_IN_A_ROW;) {
      if (await calls.works(key, bucket, options.probe)) good += 1;
      else {
        good = 0;
        if (Date.now() > until)
          throw new NightjarError('PRIVILEGE_MISSING', {
            operation: 'PutObject',
            detail: `A key of ${user} is not taken by S3 for s3://${bucket}/${target.exchange.prefix}: see its policy. The server was not asked for anything.`,
          });
      }
      report.moved(0);
      await pause(options.pauseMs, undefined, { signal });
    }
    return await work(key);
  } finally {
    if (options.busy?.())
      report.warn(
        `The server was still at its backup: the key of ${user} was left to it, and is deleted by the next backup that begins ${STALE_MS / 3_600_000} hours later.`,
      );
    else
      await calls
        .remove(user, key.id)
        .catch((thrown: unknown) =>
          report.warn(
            `A key of ${user} could not be deleted (${(thrown as Error).name}): delete it by hand, \`aws iam list-access-keys --user-name ${user}\`.`,
          ),
        );
  }
}

/** `more`: of the clients of IAM and S3, where the standard settings are not meant. */
export function awsKeys(more: S3ClientConfig & IAMClientConfig = {}): KeyCalls {
  const iam = new IAMClient({ ...CLIENT_OPTIONS, ...more });
  return {
    async create(UserName) {
      const { AccessKey } = await iam.send(new CreateAccessKeyCommand({ UserName }));
      return { id: AccessKey!.AccessKeyId!, secret: AccessKey!.SecretAccessKey! };
    },
    async list(UserName) {
      const { AccessKeyMetadata = [] } = await iam.send(new ListAccessKeysCommand({ UserName }));
      return AccessKeyMetadata.map((one) => ({ id: one.AccessKeyId!, createdAt: one.CreateDate ?? new Date() }));
    },
    async remove(UserName, AccessKeyId) {
      await iam.send(new DeleteAccessKeyCommand({ UserName, AccessKeyId }));
    },
    async works({ id, secret }, Bucket, Key) {
      const s3 = new S3Client({
        ...CLIENT_OPTIONS,
        ...more,
        credentials: { accessKeyId: id, secretAccessKey: secret },
      });
      try {
        await s3.send(new PutObjectCommand({ Bucket, Key, ContentLength: 0 }));
        await s3.send(new HeadObjectCommand({ Bucket, Key }));
        return true;
      } catch {
        // Unknown yet, or never: how often it is asked decides.
        return false;
      } finally {
        s3.destroy();
      }
    },
  };
}
