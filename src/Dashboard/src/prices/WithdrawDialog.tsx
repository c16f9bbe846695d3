import { useMutation, useQueryClient } from '@tanstack/react-query';
import { api } from '../api/client';
import { useNotices } from '../api/notices';
import { ConfirmDialog } from '../dialogs/ConfirmDialog';
import { useTexts } from '../text/language';
import { priceTexts } from './texts';
import type { PriceChangeResult, PriceEntry } from './types';

/** Takes back a price that an operator set. */
export function WithdrawDialog({ entry, onClose }: { entry: PriceEntry | undefined; onClose: () => void }) {
  const t = useTexts(priceTexts);
  const notices = useNotices();
  const queries = useQueryClient();
  const withdraw = useMutation({
    mutationFn: ({ model, effectiveFrom, reason }: { model: string; effectiveFrom?: string; reason?: string }) =>
      api.post<PriceChangeResult>('/api/prices', { reason, withdraw: [{ model, effectiveFrom }] }),
    onSuccess: () => {
      notices.done(t('withdrawn'));
      void queries.invalidateQueries({ queryKey: ['/api/prices'] });
      onClose();
    },
  });
  return (
    <ConfirmDialog
      opened={entry !== undefined}
      title={t('withdrawTitle', { model: entry?.model ?? '', from: entry?.effectiveFrom ?? t('ever') })}
      confirm={t('withdraw')}
      isDangerous
      asksReason
      busy={withdraw.isPending}
      error={withdraw.error}
      onConfirm={(reason) => entry && withdraw.mutate({ model: entry.model, effectiveFrom: entry.effectiveFrom, reason })}
      onClose={() => {
        withdraw.reset();
        onClose();
      }}
    >
      {t('withdrawText')}
    </ConfirmDialog>
  );
}
