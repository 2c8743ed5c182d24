/** Where tasks run when a target says nothing of its own: the VPC of the config, or a small one made for trying. */
import { CfnOutput, Fn, Stack } from 'aws-cdk-lib';
import {
  CfnInternetGateway,
  CfnRoute,
  CfnRouteTable,
  CfnSecurityGroup,
  CfnSubnet,
  CfnSubnetRouteTableAssociation,
  CfnVPC,
  CfnVPCEndpoint,
  CfnVPCGatewayAttachment,
} from 'aws-cdk-lib/aws-ec2';
import { Construct } from 'constructs';
import type { Config, Placement } from '../core/config.ts';
import { exception } from './nag.ts';

type ExistingNetwork = Extract<Config['network'], { vpcId: string }>;
type Endpoint = ExistingNetwork['endpoints'][number];

const GATEWAYS: readonly Endpoint[] = ['s3', 'dynamodb'];
const HTTPS = 443;

export class Network extends Construct {
  /** JSON of the placement in a VPC that was made here. */
  readonly made?: string;

  constructor(scope: Construct, config: Config) {
    super(scope, 'Network');
    if ('create' in config.network) this.made = Stack.of(this).toJsonString(this.makeVpc(config.name));
    else this.makeEndpoints(config, config.network);
  }

  /** Two public subnets and no NAT: costs nothing by itself, and reaches no database that is there already. */
  private makeVpc(name: string): Placement {
    const tags = [{ key: 'Name', value: name }];
    const vpc = new CfnVPC(this, 'Vpc', {
      cidrBlock: '10.73.0.0/16',
      enableDnsHostnames: true,
      enableDnsSupport: true,
      tags,
    });
    exception(vpc, 'VPC7', 'A VPC for trying only: it holds nothing but our own tasks, whose logs are kept.');
    const gateway = new CfnInternetGateway(this, 'InternetGateway', { tags });
    const attachment = new CfnVPCGatewayAttachment(this, 'Attachment', {
      vpcId: vpc.ref,
      internetGatewayId: gateway.ref,
    });
    const routes = new CfnRouteTable(this, 'Routes', { vpcId: vpc.ref, tags });
    const outward = new CfnRoute(this, 'Outward', {
      routeTableId: routes.ref,
      destinationCidrBlock: '0.0.0.0/0',
      gatewayId: gateway.ref,
    });
    outward.addResourceDependency(attachment);
    const subnetIds = [0, 1].map((index) => {
      const subnet = new CfnSubnet(this, `Subnet${index + 1}`, {
        vpcId: vpc.ref,
        cidrBlock: `10.73.${index}.0/24`,
        availabilityZone: Fn.select(index, Fn.getAzs()),
        tags,
      });
      new CfnSubnetRouteTableAssociation(this, `Association${index + 1}`, {
        subnetId: subnet.ref,
        routeTableId: routes.ref,
      });
      return subnet.ref;
    });
    const group = new CfnSecurityGroup(this, 'TaskGroup', {
      groupDescription: `Nightjar ${name}: tasks, outward only`,
      vpcId: vpc.ref,
      securityGroupEgress: [{ ipProtocol: '-1', cidrIp: '0.0.0.0/0', description: 'To AWS and to databases' }],
      tags,
    });
    new CfnOutput(this, 'MadeVpc', { value: vpc.ref, description: 'The VPC made for trying' });
    return { subnetIds, securityGroupIds: [group.attrGroupId], assignPublicIp: true };
  }

  private makeEndpoints(config: Config, network: ExistingNetwork): void {
    const { region } = Stack.of(this);
    const serviceName = (endpoint: Endpoint): string => `com.amazonaws.${region}.${endpoint}`;
    const interfaces = network.endpoints.filter((endpoint) => !GATEWAYS.includes(endpoint));
    if (interfaces.length > 0) {
      const group = this.makeEndpointGroup(config, network);
      for (const endpoint of interfaces)
        new CfnVPCEndpoint(this, `Endpoint-${endpoint}`, {
          vpcEndpointType: 'Interface',
          vpcId: network.vpcId,
          serviceName: serviceName(endpoint),
          subnetIds: [...network.subnetIds],
          securityGroupIds: [group.attrGroupId],
          privateDnsEnabled: true,
        });
    }
    for (const endpoint of network.endpoints.filter((one) => GATEWAYS.includes(one)))
      new CfnVPCEndpoint(this, `Endpoint-${endpoint}`, {
        vpcEndpointType: 'Gateway',
        vpcId: network.vpcId,
        serviceName: serviceName(endpoint),
        routeTableIds: [...network.routeTableIds],
      });
  }

  /** Open to the tasks' security groups alone, so that the VPC's address range need not be known. */
  private makeEndpointGroup(config: Config, network: ExistingNetwork): CfnSecurityGroup {
    const groups = new Set([
      ...network.securityGroupIds,
      ...config.targets.flatMap((target) => target.network?.securityGroupIds ?? []),
    ]);
    return new CfnSecurityGroup(this, 'EndpointGroup', {
      groupDescription: `Nightjar ${config.name}: endpoints, from the tasks`,
      vpcId: network.vpcId,
      securityGroupIngress: [...groups].sort().map((sourceSecurityGroupId) => ({
        ipProtocol: 'tcp',
        fromPort: HTTPS,
        toPort: HTTPS,
        sourceSecurityGroupId,
        description: 'From the tasks',
      })),
    });
  }
}
