import type * as z from 'zod/mini';
import type { ErrorCode } from './errors.ts';

/** A schema whose parsed type is `Output`. */
export type Schema<Output = unknown> = z.ZodMiniType<Output>;

/** One REST request, declared once: the server routes by it, the SDK calls by it, the documentation is made from it. */
export interface Endpoint<
  Params extends Schema = Schema,
  Query extends Schema = Schema,
  Body extends Schema = Schema,
  Answer extends Schema = Schema,
> {
  readonly method: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  /** Below `/api/v1`, with parameters in braces. */
  readonly path: `/${string}`;
  readonly summary: string;
  /** Groups the reference page. */
  readonly tag: string;
  /** `bearer`: an access token is needed. `none`: anybody may ask. */
  readonly auth: 'bearer' | 'none';
  readonly params?: Params;
  readonly query?: Query;
  readonly body?: Body;
  /** The successful statuses this may answer with; the first is the usual one. */
  readonly statuses: readonly number[];
  /** The body of a successful answer; absent for 204. */
  readonly answer?: Answer;
  /** The refusals special to this request, beside those any request may get. */
  readonly errors: readonly ErrorCode[];
}

/** Declares an endpoint, keeping the exact types of its schemas. */
export function endpoint<
  Params extends Schema = never,
  Query extends Schema = never,
  Body extends Schema = never,
  Answer extends Schema = never,
>(declaration: Endpoint<Params, Query, Body, Answer>): Endpoint<Params, Query, Body, Answer> {
  return declaration;
}

// biome-ignore lint/suspicious/noExplicitAny: an endpoint of any schemas; `unknown` would not accept them
export type AnyEndpoint = Endpoint<any, any, any, any>;

type Parsed<S> = [S] extends [never] ? undefined : S extends Schema ? z.output<S> : undefined;
type Written<S> = [S] extends [never] ? undefined : S extends Schema ? z.input<S> : undefined;

/** What a handler receives of each part of a request, validated. */
export type ParamsOf<E> = E extends Endpoint<infer P, infer _Q, infer _B, infer _A> ? Parsed<P> : never;
export type QueryOf<E> = E extends Endpoint<infer _P, infer Q, infer _B, infer _A> ? Parsed<Q> : never;
export type BodyOf<E> = E extends Endpoint<infer _P, infer _Q, infer B, infer _A> ? Parsed<B> : never;
export type AnswerOf<E> = E extends Endpoint<infer _P, infer _Q, infer _B, infer A> ? Parsed<A> : never;

/** What a caller writes for each part of a request, defaults left out. */
export type ParamsInput<E> = E extends Endpoint<infer P, infer _Q, infer _B, infer _A> ? Written<P> : never;
export type QueryInput<E> = E extends Endpoint<infer _P, infer Q, infer _B, infer _A> ? Written<Q> : never;
export type BodyInput<E> = E extends Endpoint<infer _P, infer _Q, infer B, infer _A> ? Written<B> : never;
