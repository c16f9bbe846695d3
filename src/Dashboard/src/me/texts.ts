import { defineTexts } from '../text/language';

export const meTexts = defineTexts({
  limits: { en: 'Limits', zh: '限额' },
  noLimits: { en: 'You have no limits of your own.', zh: '您没有自有限额。' },
  usage: { en: 'Usage', zh: '用量' },
  recent: { en: 'Recent requests', zh: '最近的请求' },
  models: { en: 'Models you can use', zh: '可用模型' },
  anyModel: { en: 'Every model the gateway has.', zh: '网关提供的所有模型。' },
  disabled: { en: 'This tenant is disabled: its requests are refused. Ask the operator.', zh: '此租户已停用，请求会被拒绝。请联系管理员。' },
  days: { en: 'days in {zone}', zh: '日期按 {zone}' },
  none: { en: 'You have not made a request yet', zh: '您尚未发起请求' },
  noneText: { en: 'Set up a client; it takes a minute:', zh: '设置客户端只需一分钟：' },
  ofKey: { en: 'Signed in with key {key}', zh: '以密钥 {key} 登录' },
});
