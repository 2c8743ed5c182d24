/** How PostgreSQL writes names and values down. */

/** A name as SQL takes it, whatever is in it. */
export const ident = (name: string): string => `"${name.replaceAll('"', '""')}"`;

export const qualified = (schema: string, name: string): string => `${ident(schema)}.${ident(name)}`;

export const literal = (value: string): string => {
  const quoted = `'${value.replaceAll("'", "''")}'`;
  return value.includes('\\') ? ` E${quoted.replaceAll('\\', '\\\\')}` : quoted;
};

/** A libpq connection string; values are quoted, so that no name can smuggle in another setting. */
export const conninfo = (values: Readonly<Record<string, string | number>>): string =>
  Object.entries(values)
    .map(([key, value]) => `${key}='${String(value).replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`)
    .join(' ');
