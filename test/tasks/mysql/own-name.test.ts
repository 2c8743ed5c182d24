/** What of a definition is the database's own name, and what only looks like it. */
import { describe, expect, it } from 'vitest';
import { withOwnName, type Wording } from '../../../tasks/engines/mysql/own-name.ts';

const renamed = (text: string, wording: Partial<Wording> = {}, anyCase = false) =>
  withOwnName(text, { from: 'shop', to: 'co`py', anyCase }, { typed: true, ...wording });
const OF_SERVER = { typed: false };

describe('the name of their own database', () => {
  it.each([
    // As the servers write views.
    ['select `shop`.`f`(`t`.`id`) AS `a` from `t`', 'select `co``py`.`f`(`t`.`id`) AS `a` from `t`'],
    [
      'select `shop`.`t`.`id` AS `id` from (`shop`.`t` join `other`.`x` on(`shop`.`t`.`id` = `other`.`x`.`id`))',
      'select `co``py`.`t`.`id` AS `id` from (`co``py`.`t` join `other`.`x` on(`co``py`.`t`.`id` = `other`.`x`.`id`))',
    ],
    ['select nextval(`shop`.`s`) AS `n`', 'select nextval(`co``py`.`s`) AS `n`'],
    ['select `shop`.`id` AS `id` from `t` `shop`', undefined],
    ["select 'shop.t' AS `shop`,`t`.`id` AS `shop.id` from `t`", undefined],
    ['with shop as (select `t`.`id` AS `id` from `t`)select `shop`.`id` AS `id` from `shop`', undefined],
    ['select extract(year from `shop`.`at`) AS `y` from `t` `shop`', undefined],
    [
      'select `a`.`id` AS `id` from (`t` `a` join (`shop`.`t` `b`))',
      'select `a`.`id` AS `id` from (`t` `a` join (`co``py`.`t` `b`))',
    ],
  ])('is told in a view: %s', (text, wanted) => {
    expect(renamed(text, OF_SERVER)).toEqual({ text: wanted ?? text });
  });

  it.each([
    [
      'BEGIN CALL shop.q(); SELECT shop.t.id, t.n FROM `shop` . t; END',
      'BEGIN CALL `co``py`.q(); SELECT `co``py`.t.id, t.n FROM `co``py` . t; END',
    ],
    [
      '/*!50003 CREATE*/ /*!50017 DEFINER=`shop`@`%`*/ /*!50003 TRIGGER shop.tr AFTER INSERT ON shop.t FOR EACH ROW INSERT INTO shop.audit VALUES (NEW.id)',
      '/*!50003 CREATE*/ /*!50017 DEFINER=`shop`@`%`*/ /*!50003 TRIGGER `co``py`.tr AFTER INSERT ON `co``py`.t FOR EACH ROW INSERT INTO `co``py`.audit VALUES (NEW.id)',
    ],
    ["BEGIN /* shop.t */ -- shop.t\n # shop.t\n SET @shop.x = 'shop'; END", undefined],
    ['SELECT myshop.t.id, `shop2`.id, t.shop FROM myshop.t', undefined],
    ['SELECT id FROM Shop.t', undefined],
  ])('is told in what somebody typed: %s', (text, wanted) => {
    expect(renamed(text)).toEqual({ text: wanted ?? text });
  });

  it('is told where something else has that name too, as far as it can be; the rest is doubted', () => {
    const text =
      'BEGIN DELETE FROM shop.t; UPDATE a, shop.u SET u.n = 1; SELECT shop.id, shop.t.n, shop.f(1) FROM orders AS shop; END';
    expect(renamed(text)).toEqual({
      text: 'BEGIN DELETE FROM `co``py`.t; UPDATE a, `co``py`.u SET u.n = 1; SELECT shop.id, `co``py`.t.n, `co``py`.f(1) FROM orders AS shop; END',
      doubt: 'another meaning',
    });
    expect(renamed('INSERT INTO shop VALUES (1) ON DUPLICATE KEY UPDATE shop.id = 2').text).not.toContain('co``py');
  });

  it('in a text is left and doubted, for the text may become a statement', () => {
    const text = "BEGIN SET @s = 'SELECT * FROM `shop`.t'; PREPARE p FROM @s; END";
    expect(renamed(text)).toEqual({ text, doubt: 'in a text' });
    expect(renamed("SET @s = 'we shop, and workshop.doc'").doubt).toBeUndefined();
  });

  it('is never what a trigger calls the new and the old row', () => {
    const text = 'TRIGGER tr BEFORE UPDATE ON new.t FOR EACH ROW SET NEW.n = OLD.n';
    expect(withOwnName(text, { from: 'new', to: 'copy', anyCase: true }, { typed: true }).text).toBe(
      'TRIGGER tr BEFORE UPDATE ON copy.t FOR EACH ROW SET NEW.n = OLD.n',
    );
  });

  it('stands between double quotes where code was written so, and in other letters where the server takes those for equal', () => {
    expect(renamed('SELECT "shop"."t"."id" FROM "shop"."t"', { ansi: true }).text).toBe(
      'SELECT "co`py"."t"."id" FROM "co`py"."t"',
    );
    expect(renamed('SELECT id FROM SHOP.t', {}, true).text).toBe('SELECT id FROM `co``py`.t');
  });

  it('stands as it stood when the database gets its name back, and in quotes where another name may need them', () => {
    const text = 'BEGIN CALL shop.p(); SELECT id FROM `shop`.t; END';
    const there = withOwnName(text, { from: 'shop', to: 'shop_nj_1', anyCase: false }, { typed: true }).text;
    expect(there).toBe('BEGIN CALL shop_nj_1.p(); SELECT id FROM `shop_nj_1`.t; END');
    expect(withOwnName(there, { from: 'shop_nj_1', to: 'shop', anyCase: false }, { typed: true }).text).toBe(text);
    const renaming = { from: 'shop', to: 'order', anyCase: false, quoted: true };
    expect(withOwnName(text, renaming, { typed: true }).text).toContain('CALL `order`.p()');
  });

  it('of a default is replaced where its sequence came along', () => {
    const table = 'CREATE TABLE `t` (`id` int DEFAULT nextval(`shop`.`s`), `shop` int)';
    const wording = (names: string[]) => ({ typed: false, only: (name: string) => names.includes(name) });
    expect(renamed(table, wording(['s'])).text).toContain('nextval(`co``py`.`s`)');
    expect(renamed(table, wording([]))).toEqual({ text: table, doubt: 'not in the backup' });
  });
});
