/** What of a database's structure a restore owes, as text that is equal for equal databases. */

const USER = `!~ '^(pg_|information_schema)'`;
const acl = (column: string): string => `(SELECT string_agg(a::text, ',' ORDER BY a::text) FROM unnest(${column}) a)`;
const own = (alias: string, catalog: string): string =>
  `NOT EXISTS (SELECT FROM pg_depend e WHERE e.classid = 'pg_catalog.${catalog}'::regclass AND e.objid = ${alias}.oid AND e.deptype = 'e')`;

/** Each gives one column of text. With an empty search_path every name is told with its schema. */
export const STRUCTURE_SQL = {
  columns: `SELECT format('%s %s %s %s %s %s %s %s %s %s %s %s %s %s', a.attrelid::regclass, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attgenerated, a.attidentity,
              coalesce(pg_get_expr(d.adbin, d.adrelid), ''), a.attstattarget, a.attstorage, a.attcompression, a.attoptions, a.attfdwoptions, nullif(a.attcollation, 0)::regcollation, ${acl('a.attacl')})
              FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
             WHERE a.attnum > 0 AND NOT a.attisdropped AND c.relkind IN ('r', 'p', 'v', 'm', 'c', 'f') AND c.relnamespace::regnamespace::text ${USER}`,
  relations: `SELECT format('%s %s %s %s %s %s %s %s %s', c.oid::regclass, relkind, relowner::regrole, relpersistence, relreplident, (SELECT string_agg(o, ',' ORDER BY o) FROM unnest(reloptions) o), nullif(reloftype, 0)::regtype, (SELECT amname FROM pg_am m WHERE m.oid = relam), ${acl('relacl')})
                FROM pg_class c WHERE relkind <> 't' AND relnamespace::regnamespace::text ${USER}`,
  schemas: `SELECT format('%s %s %s', nspname, nspowner::regrole, ${acl('nspacl')}) FROM pg_namespace WHERE nspname ${USER}`,
  indexes: `SELECT format('%s %s %s %s', pg_get_indexdef(indexrelid), indisclustered, indisreplident, indisvalid) FROM pg_index i JOIN pg_class c ON c.oid = indexrelid WHERE c.relnamespace::regnamespace::text ${USER}`,
  constraints: `SELECT format('%s %s %s %s', conrelid::regclass, contypid::regtype, conname, pg_get_constraintdef(oid)) FROM pg_constraint WHERE connamespace::regnamespace::text ${USER}`,
  triggers: `SELECT format('%s %s', pg_get_triggerdef(oid), tgenabled) FROM pg_trigger WHERE NOT tgisinternal`,
  eventTriggers: `SELECT format('%s %s %s %s %s %s', evtname, evtevent, evtfoid::regproc, evtenabled, evttags, evtowner::regrole) FROM pg_event_trigger`,
  views: `SELECT format('%s %s', c.oid::regclass, pg_get_viewdef(c.oid)) FROM pg_class c WHERE relkind IN ('v', 'm') AND relnamespace::regnamespace::text ${USER}`,
  policies: `SELECT format('%s %s %s %s %s %s %s', polrelid::regclass, polname, polcmd, polpermissive, polroles::regrole[], pg_get_expr(polqual, polrelid), pg_get_expr(polwithcheck, polrelid)) FROM pg_policy`,
  security: `SELECT format('%s %s %s', oid::regclass, relrowsecurity, relforcerowsecurity) FROM pg_class WHERE relkind = 'r' AND relrowsecurity`,
  partitions: `SELECT format('%s %s %s', inhrelid::regclass, inhparent::regclass, pg_get_expr(c.relpartbound, c.oid)) FROM pg_inherits JOIN pg_class c ON c.oid = inhrelid`,
  functions: `SELECT format('%s %s %s', pg_get_functiondef(p.oid), proowner::regrole, ${acl('proacl')}) FROM pg_proc p WHERE pronamespace::regnamespace::text ${USER} AND prokind <> 'a' AND ${own('p', 'pg_proc')}`,
  aggregates: `SELECT format('%s %s %s', p.oid::regprocedure, (to_jsonb(a) - 'aggfnoid') || jsonb_build_object('aggtranstype', aggtranstype::regtype, 'aggmtranstype', aggmtranstype::regtype), proowner::regrole)
                 FROM pg_aggregate a JOIN pg_proc p ON p.oid = a.aggfnoid WHERE pronamespace::regnamespace::text ${USER} AND ${own('p', 'pg_proc')}`,
  operators: `SELECT format('%s %s %s %s', o.oid::regoperator, oprcode, oprcom::regoperator, oprowner::regrole) FROM pg_operator o WHERE oprnamespace::regnamespace::text ${USER} AND ${own('o', 'pg_operator')}`,
  operatorClasses: `SELECT format('%s %s %s %s %s', opcnamespace::regnamespace, opcname, opcintype::regtype, opfname, (SELECT string_agg(format('%s %s', amopopr::regoperator, amopstrategy), ',' ORDER BY amopstrategy) FROM pg_amop WHERE amopfamily = f.oid))
                      FROM pg_opclass c JOIN pg_opfamily f ON f.oid = opcfamily WHERE opcnamespace::regnamespace::text ${USER} AND ${own('c', 'pg_opclass')}`,
  casts: `SELECT format('%s %s %s %s %s', castsource::regtype, casttarget::regtype, castfunc::regprocedure, castcontext, castmethod) FROM pg_cast c WHERE c.oid >= 16384 AND ${own('c', 'pg_cast')}`,
  collations: `SELECT format('%s %s %s %s %s', c.oid::regcollation, collprovider, collcollate, collctype, collowner::regrole) FROM pg_collation c WHERE collnamespace::regnamespace::text ${USER}`,
  types: `SELECT format('%s %s %s %s %s %s %s', t.oid::regtype, typtype, typowner::regrole, nullif(typbasetype, 0)::regtype, typnotnull, typdefault, ${acl('typacl')})
            FROM pg_type t WHERE typnamespace::regnamespace::text ${USER} AND ${own('t', 'pg_type')}`,
  enums: `SELECT format('%s %s %s', enumtypid::regtype, enumlabel, row_number() OVER (PARTITION BY enumtypid ORDER BY enumsortorder)) FROM pg_enum`,
  ranges: `SELECT format('%s %s %s %s', rngtypid::regtype, rngsubtype::regtype, rngmultitypid::regtype, rngsubdiff) FROM pg_range WHERE rngtypid >= 16384`,
  textSearch: `SELECT format('%s %s %s %s', c.oid::regconfig, m.maptokentype, m.mapseqno, m.mapdict::regdictionary) FROM pg_ts_config c JOIN pg_ts_config_map m ON m.mapcfg = c.oid WHERE cfgnamespace::regnamespace::text ${USER}
               UNION ALL SELECT format('%s %s', d.oid::regdictionary, dictinitoption) FROM pg_ts_dict d WHERE dictnamespace::regnamespace::text ${USER}`,
  conversions: `SELECT format('%s %s %s %s', conname, pg_encoding_to_char(conforencoding), pg_encoding_to_char(contoencoding), conproc) FROM pg_conversion WHERE connamespace::regnamespace::text ${USER}`,
  foreign: `SELECT format('%s %s %s %s %s %s %s', srvname, srvtype, srvversion, fdwname, srvoptions, fdwoptions, ${acl('srvacl')}) FROM pg_foreign_server JOIN pg_foreign_data_wrapper f ON f.oid = srvfdw
            UNION ALL SELECT format('%s %s %s', srvname, usename, umoptions) FROM pg_user_mappings UNION ALL SELECT format('%s %s', ftrelid::regclass, ftoptions) FROM pg_foreign_table`,
  accessMethods: `SELECT format('%s %s %s', amname, amtype, amhandler) FROM pg_am WHERE oid >= 16384`,
  publications: `SELECT format('%s %s', pubowner::regrole, to_jsonb(p) - 'oid' - 'pubowner') FROM pg_publication p UNION ALL SELECT format('%s %s', to_jsonb(t) - 'attnames', (SELECT string_agg(a #>> '{}', ',' ORDER BY a #>> '{}') FROM jsonb_array_elements(nullif(to_jsonb(t) -> 'attnames', 'null')) a)) FROM pg_publication_tables t`,
  comments: `SELECT format('%s %s', pg_describe_object(d.classoid, d.objoid, d.objsubid), d.description) FROM pg_description d
              WHERE d.objoid >= 16384 AND d.description <> 'standard public schema' AND d.classoid <> 'pg_largeobject'::regclass
               AND NOT EXISTS (SELECT FROM pg_depend e WHERE e.classid = d.classoid AND e.objid = d.objoid AND e.deptype = 'e')`,
  sequences: `SELECT s::text FROM pg_sequences s`,
  extensions: `SELECT extname || extversion FROM pg_extension`,
  defaults: `SELECT format('%s %s %s %s', defaclrole::regrole, defaclnamespace::regnamespace, defaclobjtype, ${acl('defaclacl')}) FROM pg_default_acl`,
  ofCatalog: `SELECT format('%s %s', oid::regprocedure, ${acl('proacl')}) FROM pg_proc WHERE pronamespace = 'pg_catalog'::regnamespace AND proacl IS NOT NULL`,
  statistics: `SELECT format('%s %s', pg_get_statisticsobjdef(oid), stxstattarget) FROM pg_statistic_ext`,
  rules: `SELECT format('%s %s', pg_get_ruledef(r.oid), ev_enabled) FROM pg_rewrite r JOIN pg_class c ON c.oid = ev_class WHERE rulename <> '_RETURN' AND relnamespace::regnamespace::text ${USER}`,
  largeObjects: `SELECT format('%s %s %s %s %s', oid, lomowner::regrole, ${acl('lomacl')}, md5(lo_get(oid)), obj_description(oid, 'pg_largeobject')) FROM pg_largeobject_metadata`,
  database: `SELECT format('%s %s %s %s %s %s', pg_encoding_to_char(encoding), datcollate, datctype, datdba::regrole, datconnlimit, ${acl('datacl')}) FROM pg_database WHERE datname = current_database()`,
  settings: `SELECT format('%s %s', setrole::regrole, setconfig) FROM pg_db_role_setting s JOIN pg_database d ON d.oid = s.setdatabase WHERE datname = current_database()`,
  note: `SELECT regexp_replace(shobj_description(oid, 'pg_database'), E'\\n?Nightjar restore .*', '') FROM pg_database WHERE datname = current_database()`,
} as const satisfies Readonly<Record<string, string>>;
