import { defineTexts } from '../text/language';

export const setupTexts = defineTexts({
  intro: { en: 'Every client can use every model you are allowed. Copy, paste, done.', zh: '任何客户端都可使用您有权使用的任何模型。复制粘贴即可。' },
  yourKey: { en: 'Your key', zh: '您的密钥' },
  keyHint: { en: 'It is put into the texts below, stays in this page alone and is forgotten when you leave.', zh: '用于填充下面的文本，仅保留在此页面中，离开即清除。' },
  model: { en: 'Model', zh: '模型' },
  client: { en: 'Client', zh: '客户端' },
  shell: { en: 'In a terminal', zh: '在终端中' },
  file: { en: 'In {path}', zh: '在 {path} 中' },
  install: { en: 'First: {command}', zh: '先运行：{command}' },
  settings: { en: 'In its settings', zh: '在其设置中' },
  cursor: { en: 'Cursor sends requests from its own servers, so the gateway needs a public address with HTTPS.', zh: 'Cursor 从其自己的服务器发出请求，因此网关需要带 HTTPS 的公网地址。' },
  localUrl: { en: 'This address is only known to this machine. From another one, put the gateway’s real address in its place.', zh: '此地址仅在本机有效。从其他机器访问时，请改用网关的实际地址。' },
});
