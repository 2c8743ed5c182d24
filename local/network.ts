import { CreateSecurityGroupCommand, CreateSubnetCommand, CreateVpcCommand, EC2Client } from '@aws-sdk/client-ec2';
import type { Account } from './account.ts';
import type { LocalFacts } from './facts.ts';

/** Makes the network that a person's databases would be in: it exists before Nightjar comes. */
export async function makeNetwork(account: Pick<Account, 'clientConfig' | 'region'>): Promise<LocalFacts['network']> {
  const ec2 = new EC2Client(account.clientConfig);
  const { Vpc } = await ec2.send(new CreateVpcCommand({ CidrBlock: '10.20.0.0/16' }));
  const VpcId = Vpc?.VpcId ?? '';
  const subnetIds: string[] = [];
  for (const [index, zone] of ['a', 'b'].entries()) {
    const { Subnet } = await ec2.send(
      new CreateSubnetCommand({
        VpcId,
        CidrBlock: `10.20.${index}.0/24`,
        AvailabilityZone: `${account.region}${zone}`,
      }),
    );
    subnetIds.push(Subnet?.SubnetId ?? '');
  }
  const { GroupId = '' } = await ec2.send(
    new CreateSecurityGroupCommand({ VpcId, GroupName: 'databases', Description: 'May reach the databases' }),
  );
  ec2.destroy();
  return { vpcId: VpcId, subnetIds, securityGroupIds: [GroupId] };
}
