import { AreaField, ChoiceField, InstantField, NumberField, SwitchField, TagsField, TenantField, TextField, TimeZoneField } from '../forms/fields';
import { PairsField } from '../forms/PairsField';
import { Section } from '../forms/Section';
import { useTexts } from '../text/language';
import { words } from '../text/words';
import { RateFields, WindowFields } from './LimitFields';
import { tenantTexts } from './texts';

const weekDays = ['monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday', 'sunday'] as const;

/** All there is to say about a tenant, but for its keys. */
export function TenantFields({ isNew, id }: { isNew?: boolean; id: string }) {
  const t = useTexts(tenantTexts);
  const say = useTexts(words);
  return (
    <>
      <Section title={t('identity')}>
        <TextField path="id" label={t('id')} description={t('idHint')} required disabled={!isNew} />
        <TextField path="name" label={say('name')} placeholder={id} />
        <TenantField path="parent" label={t('parent')} description={t('parentHint')} without={id} />
        <TagsField path="groups" label={t('groups')} placeholder="default" />
        <InstantField path="expiresAt" label={t('expiresAt')} description={t('expiresHint')} />
        <AreaField path="note" label={t('note')} />
        <SwitchField path="enabled" label={t('enabled')} isOnByDefault />
      </Section>
      <WindowFields />
      <RateFields />
      <Section title={t('models')}>
        <TagsField path="allowedModels" label={t('allowedModels')} description={t('allowedHint')} placeholder="*sonnet*" />
        <PairsField path="modelAliases" label={t('aliases')} nameLabel={t('alias')} valueLabel={say('model')} />
      </Section>
      <Section title={t('time')}>
        <TimeZoneField path="timezone" label={t('timezone')} placeholder="UTC" />
        <TextField path="resetTime" label={t('resetTime')} description={t('resetHint')} placeholder="00:00" />
        <ChoiceField path="weekStartsOn" label={t('weekStartsOn')} defaultLabel={t('monday')} options={weekDays.map((day) => ({ value: day, label: t(day) }))} />
        <NumberField path="monthStartsOn" label={t('monthStartsOn')} description={t('monthHint')} placeholder="1" />
      </Section>
      <Section title={t('behaviour')}>
        <ChoiceField
          path="holdPolicy"
          label={t('holdPolicy')}
          defaultLabel="clamp"
          options={[
            { value: 'clamp', label: t('clamp') },
            { value: 'refuse', label: t('refuse') },
          ]}
        />
        <NumberField path="minOutputTokens" label={t('minOutputTokens')} placeholder="1024" />
        <ChoiceField
          path="abort"
          label={t('abort')}
          defaultLabel={t('asGateway')}
          options={[
            { value: 'cancel', label: t('cancelAbort') },
            { value: 'drain', label: t('drainAbort') },
          ]}
        />
      </Section>
    </>
  );
}
