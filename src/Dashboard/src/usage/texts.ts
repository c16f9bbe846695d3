import { defineTexts } from '../text/language';

export const usageTexts = defineTexts({
  by: { en: 'By', zh: '维度' },
  and: { en: 'and by', zh: '与' },
  nothingElse: { en: '(nothing else)', zh: '（无）' },
  measure: { en: 'Chart shows', zh: '图表显示' },
  empty: { en: 'Nothing was used in this period', zh: '此时间段内没有用量' },
  emptyText: { en: 'Choose a longer period, or clear the filters.', zh: '请选择更长的时间段，或清除筛选。' },
  zone: { en: 'Days and hours in {zone}', zh: '日期与小时按 {zone}' },
  cacheWrite: { en: 'Cache write', zh: '缓存写入' },
});
