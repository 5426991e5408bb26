// What a wrangler.toml lacks of another: bindings and migrations, as text that can stand at the end of the file.

/** @param {any} wanted @param {any} present both parsed @returns {string[]} a TOML block for each */
export function missingBlocks(wanted, present) {
  const namespaces = (config) => config.kv_namespaces ?? [];
  const objects = (config) => config.durable_objects?.bindings ?? [];
  const classes = (config) => (config.migrations ?? []).flatMap(({ new_sqlite_classes: made = [], new_classes: old = [] }) => [...made, ...old]);
  const lacks = (list, key, entry) => !list.some((other) => other[key] === entry[key]);
  const known = new Set(classes(present));
  return [
    ...namespaces(wanted)
      .filter((entry) => lacks(namespaces(present), "binding", entry))
      .map(({ binding }) => `[[kv_namespaces]]\nbinding = "${binding}"\n`),
    ...objects(wanted)
      .filter((entry) => lacks(objects(present), "name", entry))
      .map(({ name, class_name: of }) => `[[durable_objects.bindings]]\nname = "${name}"\nclass_name = "${of}"\n`),
    ...(wanted.migrations ?? [])
      .map(({ tag, new_sqlite_classes: made = [] }) => ({ tag, made: made.filter((name) => !known.has(name)) }))
      .filter(({ made }) => made.length > 0)
      .map(({ tag, made }) => `[[migrations]]\ntag = "${freeTag(tag, present)}"\nnew_sqlite_classes = ${JSON.stringify(made)}\n`),
  ];
}

/** A tag that the project has not used for a migration of its own. */
function freeTag(tag, { migrations = [] }) {
  return migrations.some((migration) => migration.tag === tag) ? `postern-${tag}` : tag;
}
