/** Who is doing something: a signed-in person in one of their sessions. */
export interface Actor {
  readonly userId: string;
  readonly sessionId: string;
  readonly username: string;
}
