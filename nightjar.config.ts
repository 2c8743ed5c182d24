import { defineConfig } from './core/config.ts';

// Everything there is to say is in config/example.ts.
export default defineConfig({
  schedule: { nightly: '01:30', timeZone: 'Europe/Zurich' },
  mail: { from: 'nightjar@example.org', to: ['oncall@example.org'] },
  alarms: { mail: ['oncall@example.org'] },
  network: {
    vpcId: 'vpc-0123456789abcdef0',
    subnetIds: ['subnet-0123456789abcdef0'],
    securityGroupIds: ['sg-0123456789abcdef0'],
  },
  targets: [
    {
      name: 'shop',
      engine: 'postgres',
      host: 'shop.example.org',
      database: 'shop',
      secret: 'arn:aws:secretsmanager:eu-west-1:123456789012:secret:shop-AbCdEf',
    },
  ],
});
