import { defineTexts } from '../text/language';

export const formTexts = defineTexts({
  notNumber: { en: 'This is not a number.', zh: '这不是数字。' },
  add: { en: 'Add', zh: '添加' },
  addTo: { en: 'Add to: {list}', zh: '添加：{list}' },
  removeRow: { en: 'Remove {name}', zh: '移除 {name}' },
  byDefault: { en: 'Default: {value}', zh: '默认：{value}' },
  defaultChoice: { en: 'Default ({value})', zh: '默认（{value}）' },
  listHint: { en: 'Enter adds one.', zh: '按回车添加一项。' },
  unsavedTitle: { en: 'Leave without saving?', zh: '不保存就离开？' },
  unsavedText: { en: 'What you changed here is lost when you leave.', zh: '离开后，此处的修改将丢失。' },
  leave: { en: 'Leave', zh: '离开' },
  reasonHint: { en: 'Kept in the audit log.', zh: '将记入审计日志。' },
  changedTitle: { en: 'Somebody changed this meanwhile', zh: '期间已有他人修改' },
  changedText: {
    en: 'It was changed after you opened this form, so nothing was saved. Load what is there now and make your change again.',
    zh: '您打开此表单后内容已被修改，因此未保存。请载入最新内容后重新修改。',
  },
  loadAgain: { en: 'Load what is there now', zh: '载入最新内容' },
  notSaved: { en: 'Not saved', zh: '未保存' },
  seeFields: { en: 'The fields marked below have to be corrected.', zh: '请更正下面标出的字段。' },
  saved: { en: 'Saved.', zh: '已保存。' },
  unchangedSecret: { en: 'Left empty, it stays as it is.', zh: '留空则保持不变。' },
  asJson: { en: 'The whole document as JSON', zh: '完整的 JSON 文档' },
  asJsonHint: { en: 'Also what this form has no field for. Secrets are not shown; what is left out of them stays.', zh: '包括本表单没有的字段。密钥不会显示，未填写的保持不变。' },
  notJson: { en: 'This is not a JSON object: {why}', zh: '这不是 JSON 对象：{why}' },
  readOnly: { en: 'You may look, but not change anything: your account is read only.', zh: '您的账户为只读，只能查看，不能修改。' },
});
