/** Custom endpoints of the in-memory RDS's clusters: their identifiers are unique, and they go slowly. */
import { address } from './fake-rds-cluster-shape.ts';
import { CLUSTERS } from './fake-rds-kinds.ts';
import { Being, fault, paged, text, type Operation } from './fake-rds-store.ts';

export const endpointOperations: Record<string, Operation> = {
  DescribeDBClusterEndpoints({ region }, input) {
    const [name, id] = [text(input.DBClusterIdentifier), text(input.DBClusterEndpointIdentifier)];
    const found = region.endpoints
      .filter(({ shape }) => !name || shape.DBClusterIdentifier === name)
      .filter(({ shape }) => !id || shape.DBClusterEndpointIdentifier === id);
    return paged(
      'DBClusterEndpoints',
      found.map(({ shape, status }) => ({ ...shape, Status: status })),
      input,
    );
  },
  CreateDBClusterEndpoint({ region }, input) {
    const [name, id] = [text(input.DBClusterIdentifier), text(input.DBClusterEndpointIdentifier)];
    CLUSTERS.available(region, name);
    if (region.endpoints.some(({ shape }) => shape.DBClusterEndpointIdentifier === id))
      throw fault('DBClusterEndpointAlreadyExistsFault', `${id} exists already.`);
    const known = region.instances
      .filter(({ shape }) => shape.DBClusterIdentifier === name)
      .map(({ shape }) => shape.DBInstanceIdentifier);
    const [StaticMembers, ExcludedMembers] = [input.StaticMembers, input.ExcludedMembers].map(
      (list) => (list ?? []) as string[],
    );
    const stranger = [...StaticMembers!, ...ExcludedMembers!].find((one) => !known.includes(one));
    if (stranger) throw fault('DBInstanceNotFoundFault', `DBInstance ${stranger} not found.`);
    const made = new Being(
      {
        ...{
          DBClusterEndpointIdentifier: id,
          DBClusterIdentifier: name,
          EndpointType: 'CUSTOM',
          StaticMembers,
          ExcludedMembers,
        },
        ...{ CustomEndpointType: text(input.EndpointType), Endpoint: address(region, id, 'cluster-custom') },
      },
      '',
    );
    made.goes([{ status: 'creating' }]);
    region.endpoints.push(made);
    return {};
  },
  DeleteDBClusterEndpoint({ region }, input) {
    const id = text(input.DBClusterEndpointIdentifier);
    const found = region.endpoints.find(({ shape }) => shape.DBClusterEndpointIdentifier === id);
    if (!found) throw fault('DBClusterEndpointNotFoundFault', `${id} not found.`);
    const then = (): void => {
      region.endpoints = region.endpoints.filter((one) => one !== found);
    };
    found.goes([{ status: 'deleting', then }]);
    return {};
  },
};
