/** What a login was granted, as the servers say it: too much read into it would be a backup that lacks things. */
import { describe, expect, it } from 'vitest';
import { isServers } from '../../../tasks/engines/mysql/databases.ts';
import { Grants } from '../../../tasks/engines/mysql/grants.ts';

const of = (...lines: string[]): Grants => new Grants('nightjar@%', lines);
const to = 'TO `nightjar`@`%`';

describe('what a login was granted', () => {
  it.each([
    ['on everything', `GRANT SELECT, SHOW VIEW ON *.* ${to} WITH GRANT OPTION`],
    ['on the database', `GRANT SELECT, SHOW VIEW ON \`shop\`.* ${to}`],
    ['on names like it', `GRANT SELECT, SHOW VIEW ON \`sh%\`.* ${to}`],
    ['in all', `GRANT ALL PRIVILEGES ON \`shop\`.* ${to}`],
    ['in the words of MySQL 5.7', "GRANT SELECT, SHOW VIEW ON `shop`.* TO 'nightjar'@'%'"],
    ['through a role of MariaDB', 'GRANT SELECT, SHOW VIEW ON `shop`.* TO `reader`'],
    ['as everybody', 'GRANT SELECT, SHOW VIEW ON `shop`.* TO PUBLIC'],
  ])('holds when it is %s', (_how, line) => {
    expect(of(line).on('shop', 'SHOW VIEW')).toBe(true);
  });

  it.each([
    ['on another database', `GRANT ALL PRIVILEGES ON \`other\`.* ${to}`],
    ['on names that are not like it', `GRANT ALL PRIVILEGES ON \`sho\\_\`.* ${to}`],
    ['on one of its tables', `GRANT SELECT, TRIGGER ON \`shop\`.\`orders\` ${to}`],
    ['on one of its routines', `GRANT EXECUTE, TRIGGER ON PROCEDURE \`shop\`.\`tell\` ${to}`],
    ['another right', `GRANT SHOW VIEW, CREATE ROUTINE ON *.* ${to}`],
    ['in the name of a column', `GRANT INSERT (\`a\`, \`TRIGGER\`) ON \`shop\`.* ${to}`],
  ])('does not when it is %s', (_how, line) => {
    expect(of(line).on('shop', 'TRIGGER')).toBe(false);
  });

  it('is on one table where that is all', () => {
    const grants = of(`GRANT SELECT (\`a\`), TRIGGER ON \`shop\`.\`or\`\`ders\` ${to}`);
    expect(grants.onTable('shop', 'or`ders', 'TRIGGER')).toBe(true);
    expect(grants.onTable('shop', 'or`ders', 'SELECT')).toBe(false);
    expect(grants.onTable('shop', 'customers', 'TRIGGER')).toBe(false);
  });

  it('is that of the most specific name alone, as servers have it, for each of user and roles', () => {
    const general = `GRANT TRIGGER ON \`sh%\`.* ${to}`;
    const exact = `GRANT SELECT ON \`shop\`.* ${to}`;
    expect(of(general, exact).on('shop', 'TRIGGER')).toBe(false);
    expect(of(exact, general).on('shop', 'TRIGGER')).toBe(false);
    expect(of(exact, general).on('shed', 'TRIGGER')).toBe(true);
    expect(of(exact, 'GRANT TRIGGER ON `sh%`.* TO `reader`').on('shop', 'TRIGGER')).toBe(true);
  });

  it('is not what was taken away again on one database', () => {
    const grants = of(`GRANT SELECT ON *.* ${to}`, 'REVOKE SELECT ON `secret`.* FROM `nightjar`@`%`');
    expect([grants.on('shop', 'SELECT'), grants.on('secret', 'SELECT')]).toEqual([true, false]);
    expect(grants.revokedOn('SELECT')).toEqual(['secret']);
  });

  it('goes by case only where the server does', () => {
    const line = `GRANT SELECT ON \`shop\`.* ${to}`;
    expect(of(line).on('Shop', 'SELECT')).toBe(false);
    expect(new Grants('nightjar@%', [line], true).on('Shop', 'SELECT')).toBe(true);
  });
});

it('takes no database for the server’s own that may be somebody’s', () => {
  const old = { isMariadb: true, version: '10.5.29-MariaDB' };
  const modern = { isMariadb: true, version: '10.11.19-MariaDB' };
  expect([isServers(old, 'sys'), isServers(modern, 'sys'), isServers(modern, 'tmp')]).toEqual([false, true, false]);
  expect([isServers(modern, 'mysql'), isServers(modern, 'MySQL')]).toEqual([true, false]);
});
