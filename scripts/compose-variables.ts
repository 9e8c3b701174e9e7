/** What `.env` sets for Docker Compose alone, beside Parley's own variables. `npm run docs:config` prints it. */
export const COMPOSE_VARIABLES: readonly ComposeVariable[] = [
  {
    name: 'POSTGRES_PASSWORD',
    otherwise: 'generated',
    meaning: 'The password of the database that Compose makes, of letters, digits and `. _ ~ -`.',
  },
  {
    name: 'POSTGRES_SHARED_BUFFERS',
    default: '256MB',
    meaning: 'Memory in which PostgreSQL keeps pages; a quarter of what it may have.',
  },
  { name: 'POSTGRES_MAX_CONNECTIONS', default: '100', meaning: 'Connections to PostgreSQL; a node takes ten at most.' },
  {
    name: 'REDIS_MAXMEMORY',
    default: '256mb',
    meaning: 'Memory that Redis may use. When it is full, what was used least goes.',
  },
  { name: 'PGADMIN_EMAIL', default: 'admin@example.org', meaning: 'The name to sign in to pgAdmin with.' },
  { name: 'PGADMIN_PASSWORD', otherwise: 'generated', meaning: 'The password of pgAdmin.' },
  {
    name: 'PGADMIN_ADDRESS',
    default: '127.0.0.1',
    meaning: 'The address of this machine at which pgAdmin can be reached: as a rule, from it alone.',
  },
  { name: 'PGADMIN_PORT', default: '5050', meaning: 'The port of pgAdmin.' },
  {
    name: 'SITE_ADDRESS',
    default: ':80',
    meaning:
      'compose.scale.yaml: the domain for which Caddy gets a certificate, such as `chat.example.org` with `PORT=80` and ' +
      '`HTTPS_PORT=443`; `:80` speaks plain http to everybody.',
  },
  { name: 'HTTPS_PORT', default: '8443', meaning: 'compose.scale.yaml: the port of this machine for https.' },
];

interface ComposeVariable {
  readonly name: string;
  readonly default?: string;
  /** What happens without it, where that is not a default. */
  readonly otherwise?: string;
  readonly meaning: string;
}
