import { defineTexts } from '../text/language';

export const auditTexts = defineTexts({
  type: { en: 'Type', zh: '类型' },
  by: { en: 'By', zh: '操作者' },
  subject: { en: 'Subject', zh: '对象' },
  change: { en: 'Change', zh: '变更' },
  position: { en: 'Position', zh: '位置' },
  details: { en: 'The event at position {position}', zh: '位置 {position} 的事件' },
  none: { en: 'Nothing was changed that matches.', zh: '没有匹配的变更。' },
});
