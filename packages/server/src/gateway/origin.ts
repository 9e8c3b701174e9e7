interface OriginRules {
  readonly publicUrl: string | null;
  readonly allowedOrigins: readonly string[];
}

/**
 * Whether pages of this origin may open a socket: those that this server serves itself, under its public address or
 * the one the request came to, and those that the configuration names.
 */
export function isOriginAllowed(origin: string, host: string | undefined, { publicUrl, allowedOrigins }: OriginRules) {
  if (origin === publicUrl || allowedOrigins.includes(origin)) return true;
  return publicUrl === null && host !== undefined && (origin === `http://${host}` || origin === `https://${host}`);
}
