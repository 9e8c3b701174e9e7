import { DatabaseSync } from 'node:sqlite';

/**
 * Makes this process the only server on a database file, until `release` or until it ends, however it ends. The lock
 * is SQLite's own on a file beside the database, so the operating system frees it; tools that make a short
 * transaction of their own, such as the admin commands, do not take it.
 * @returns null where another process has it
 */
export function lockFile(path: string): { release(): void } | null {
  const holder = new DatabaseSync(`${path}.lock`, { timeout: 0 });
  try {
    holder.exec('pragma locking_mode = exclusive; pragma journal_mode = delete; begin exclusive;');
  } catch (error) {
    holder.close();
    if ((error as { errcode?: number }).errcode === 5) return null;
    throw error;
  }
  return {
    release() {
      if (holder.isOpen) holder.close();
    },
  };
}
