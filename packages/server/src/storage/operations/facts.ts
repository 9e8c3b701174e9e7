import type { OperationInput } from '../store.ts';
import type { Context } from './context.ts';

export async function startEpoch(context: Context, { epoch }: OperationInput<'startEpoch'>): Promise<void> {
  await state(context, 'epoch', epoch);
}

export async function noteSecret(
  context: Context,
  { fingerprint }: OperationInput<'noteSecret'>,
): Promise<{ wasAnother: boolean }> {
  const noted = await context.database
    .selectFrom('facts')
    .select('value')
    .where('name', '=', 'secret_fingerprint')
    .executeTakeFirst();
  if (noted?.value !== fingerprint) await state(context, 'secret_fingerprint', fingerprint);
  return { wasAnother: noted !== undefined && noted.value !== fingerprint };
}

async function state({ database }: Context, name: string, value: string): Promise<void> {
  await database
    .insertInto('facts')
    .values({ name, value })
    .onConflict((conflict) => conflict.column('name').doUpdateSet({ value }))
    .execute();
}
