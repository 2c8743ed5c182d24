const DAY = 86_400_000;

/** Until when what was set aside is kept, from now on. ISO 8601. */
export const keptUntil = (now: Date, { replacedDays }: { readonly replacedDays: number }): string =>
  new Date(now.getTime() + replacedDays * DAY).toISOString();
