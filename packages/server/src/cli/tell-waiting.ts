/** For commands, whose output may be read by a program: that they wait for the database is told beside it. */
export function tellWaiting(sentence: string): void {
  process.stderr.write(`${sentence}\n`);
}
