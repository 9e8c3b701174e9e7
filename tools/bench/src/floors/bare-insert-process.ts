import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite';
import { serveRequests } from '../subjects/bench-worker.ts';
import { type BareInsertCommands, SAME_MESSAGE, TABLES } from './bare-insert.ts';

// The least that storing the same rows durably can cost: prepared statements, one connection, nothing else.

type Values = SQLInputValue[];

let database: DatabaseSync | null = null;
let source = '';
let statements: StatementSync[] = [];
let loadedUpTo = '';
let rows: { readonly entry: Values; readonly message: Values }[] = [];

serveRequests<BareInsertCommands>({
  create({ at, like }) {
    source = like;
    const original = new DatabaseSync(like, { readOnly: true });
    const schema = original
      .prepare(`SELECT sql FROM sqlite_schema WHERE tbl_name IN (${TABLES.map(() => '?').join()}) AND sql IS NOT NULL`)
      .all(...TABLES);
    database = new DatabaseSync(at);
    database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL');
    for (const { sql } of schema) database.exec(String(sql));
    statements = TABLES.map((table) => {
      const columns = original.prepare(`SELECT name FROM pragma_table_info(?)`).all(table);
      return (database as DatabaseSync).prepare(`INSERT INTO ${table} VALUES (${columns.map(() => '?').join()})`);
    });
    original.close();
    return null;
  },

  load() {
    const original = new DatabaseSync(source, { readOnly: true });
    const read = (table: string): Values[] => {
      const statement = original.prepare(
        `SELECT ${table}.* FROM messages JOIN entries ON ${SAME_MESSAGE} WHERE messages.id > ? ORDER BY messages.id`,
      );
      statement.setReturnArrays(true);
      return statement.all(loadedUpTo) as unknown as Values[];
    };
    const [entries, messages] = TABLES.map(read) as [Values[], Values[]];
    const latest = original.prepare('SELECT max(id) AS id FROM messages').get();
    loadedUpTo = String(latest?.id ?? '');
    original.close();
    rows = messages.map((message, index) => ({ entry: entries[index] as Values, message }));
    return { messages: rows.length };
  },

  insert({ messagesPerCommit }) {
    if (!database) throw new Error('There is no database to insert into yet.');
    const [insertEntry, insertMessage] = statements as [StatementSync, StatementSync];
    const startedAt = performance.now();
    for (let from = 0; from < rows.length; from += messagesPerCommit) {
      database.exec('BEGIN IMMEDIATE');
      for (const { entry, message } of rows.slice(from, from + messagesPerCommit)) {
        insertEntry.run(...entry);
        insertMessage.run(...message);
      }
      database.exec('COMMIT');
    }
    return { seconds: (performance.now() - startedAt) / 1_000 };
  },
});
