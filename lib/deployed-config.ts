import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Asset } from 'aws-cdk-lib/aws-s3-assets';
import { Construct } from 'constructs';
import type { Config } from '../core/config.ts';

/** The config with its defaults filled in, as an object that the functions read: it may be larger than their environment. */
export class DeployedConfig extends Construct {
  readonly bucket: string;
  readonly key: string;

  constructor(scope: Construct, config: Config) {
    super(scope, 'ConfigObject');
    const folder = mkdtempSync(path.join(tmpdir(), 'nightjar-config-'));
    try {
      const file = path.join(folder, 'config.json');
      writeFileSync(file, JSON.stringify(config));
      // The asset is copied as it is made.
      const asset = new Asset(this, 'Asset', { path: file });
      this.bucket = asset.s3BucketName;
      this.key = asset.s3ObjectKey;
    } finally {
      rmSync(folder, { recursive: true });
    }
  }
}
