import { Client } from 'pg';
import { serveRequests } from '../subjects/bench-worker.ts';
import { type BareInsertCommands, SAME_MESSAGE, TABLES } from './bare-insert.ts';

// The least that storing the same rows durably can cost in PostgreSQL: one connection, prepared statements that take a
// column as an array, and all statements of a commit sent at once.

type Values = unknown[];

interface Insert {
  readonly name: string;
  readonly text: string;
}

let client: Client | null = null;
let inserts: Insert[] = [];
let loadedUpTo = '';
let rows: [Values[], Values[]] = [[], []];

function connected(): Client {
  if (!client) throw new Error('There is no database to insert into yet.');
  return client;
}

serveRequests<BareInsertCommands>({
  async create({ at, like }) {
    client = new Client({ connectionString: like, pipeline: true });
    await client.connect();
    await client.query(`create schema "${at}"`);
    inserts = [];
    for (const table of TABLES) {
      await client.query(`create table "${at}"."${table}" (like public."${table}" including all)`);
      const { rows: columns } = await client.query<{ type: string }>(
        'select format_type(atttypid, atttypmod) as type from pg_attribute ' +
          'where attrelid = $1::regclass and attnum > 0 and not attisdropped order by attnum',
        [`"${at}"."${table}"`],
      );
      const arrays = columns.map(({ type }, place) => `$${place + 1}::${type}[]`).join(', ');
      inserts.push({ name: `${at}_${table}`, text: `insert into "${at}"."${table}" select * from unnest(${arrays})` });
    }
    return null;
  },

  async load() {
    const read = async (table: string): Promise<Values[]> => {
      const answer = await connected().query({
        text:
          `select ${table}.* from public.messages join public.entries on ${SAME_MESSAGE} ` +
          'where messages.id > $1 order by messages.id',
        values: [loadedUpTo],
        rowMode: 'array',
      });
      return answer.rows as Values[];
    };
    const latest = await connected().query<{ id: string | null }>('select max(id) as id from public.messages');
    rows = [await read('entries'), await read('messages')];
    loadedUpTo = latest.rows[0]?.id ?? '';
    return { messages: rows[1].length };
  },

  async insert({ messagesPerCommit }) {
    const database = connected();
    const startedAt = performance.now();
    for (let from = 0; from < rows[1].length; from += messagesPerCommit) {
      await Promise.all([
        database.query('begin'),
        ...inserts.map(({ name, text }, table) => {
          const batch = (rows[table] as Values[]).slice(from, from + messagesPerCommit);
          return database.query({ name, text, values: inColumns(batch) });
        }),
        database.query('commit'),
      ]);
    }
    return { seconds: (performance.now() - startedAt) / 1_000 };
  },
});

function inColumns(batch: readonly Values[]): Values[] {
  return (batch[0] as Values).map((_, column) => batch.map((row) => row[column]));
}
