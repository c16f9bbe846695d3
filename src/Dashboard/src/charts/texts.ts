import { defineTexts } from '../text/language';

export const chartTexts = defineTexts({
  asTable: { en: 'As a table', zh: '以表格显示' },
  others: { en: 'All others', zh: '其他' },
  none: { en: 'Nothing in this period.', zh: '此时间段内没有数据。' },
});
