export const HELP = `Parley: self-hosted team chat.

Usage: parley [command] [options]

Commands
  serve                     Start the server (also what happens without a command).
  migrate                   Bring the database up to date, and stop.
  migrate-db                Copy everything from SQLite to an empty PostgreSQL database. Goes on where it was cut off.
    --from <database>       sqlite: and the path of the file; that of the settings as a rule.
    --to <database>         postgres://user:password@host:port/database; DATABASE_URL as a rule, which others on this
                            machine cannot see.
  admin create-superuser    Create an account that owns the workspace; asks for what is not given.
    --username <name>       3 to 32 letters, digits, "_", "." or "-".
    --display-name <name>   The name that others see; the username as a rule.
    --password-stdin        Read the password from standard input.
    --password <password>   The password itself. Others on this machine may see it while the command runs.
    --promote               If the account exists, make it an owner instead of stopping.
  admin new-epoch           After a backup was restored: have every client load everything anew. Asks before it does.
    --yes                   Do not ask.
  health                    Ask the server on this machine, by PORT and HOST, whether it is ready: 0 if so, else 1.
    --live                  Ask only whether it answers.

Options
  -h, --help                Show this text.
  -v, --version             Show the version.

Settings are environment variables: see docs/configuration.md.
`;
