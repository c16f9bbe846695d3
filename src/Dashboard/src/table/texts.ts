import { defineTexts } from '../text/language';

export const tableTexts = defineTexts({
  count: { en: '{count} rows', zh: '{count} 行' },
  countAndMore: { en: '{count} rows so far; more come when you scroll', zh: '已载入 {count} 行，滚动以加载更多' },
  nothing: { en: 'There is nothing here.', zh: '暂无数据。' },
});
