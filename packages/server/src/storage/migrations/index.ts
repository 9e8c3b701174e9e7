import type { Migration, MigrationProvider } from 'kysely/migration';
import { first } from './0001-first.ts';

const migrations: Record<string, Migration> = { '0001-first': first };

/** The migrations in the order of their names. One that has been released is never changed. */
export const migrationProvider: MigrationProvider = {
  async getMigrations() {
    return migrations;
  },
};
