import { defineTexts } from '../text/language';

export const filterTexts = defineTexts({
  period: { en: 'Period', zh: '时间段' },
  lastHour: { en: 'Last hour', zh: '最近一小时' },
  lastDay: { en: 'Last 24 hours', zh: '最近 24 小时' },
  lastWeek: { en: 'Last 7 days', zh: '最近 7 天' },
  lastMonth: { en: 'Last 30 days', zh: '最近 30 天' },
  lastQuarter: { en: 'Last 90 days', zh: '最近 90 天' },
  custom: { en: 'From … to …', zh: '自定义' },
  filters: { en: 'Filters', zh: '筛选' },
  clear: { en: 'Clear', zh: '清除' },
});
