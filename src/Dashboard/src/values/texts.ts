import { defineTexts } from '../text/language';

export const valueTexts = defineTexts({
  used: { en: '{used} of {max} used', zh: '已用 {used} / {max}' },
  resets: { en: 'resets {when}', zh: '{when}重置' },
  rolls: { en: 'gives back what was used five hours before', zh: '滚动窗口：五小时前的用量逐步释放' },
  never: { en: 'never resets', zh: '不重置' },
  extra: { en: 'with {extra} added for a time', zh: '含临时增加的 {extra}' },
  exhausted: { en: 'used up', zh: '已用尽' },
  fiveHours: { en: 'Five hours', zh: '五小时' },
  daily: { en: 'Day', zh: '每日' },
  weekly: { en: 'Week', zh: '每周' },
  monthly: { en: 'Month', zh: '每月' },
  total: { en: 'In total', zh: '总计' },
  ofKey: { en: 'key {key}', zh: '密钥 {key}' },
  ofTenant: { en: 'tenant {tenant}', zh: '租户 {tenant}' },
  fromFile: { en: 'Declared in {file}. Change it there: it cannot be edited here.', zh: '声明于 {file}，请在该文件中修改，此处不能编辑。' },
  fromOperator: { en: 'operator', zh: '管理员' },
});
