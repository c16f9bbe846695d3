/** A text to paste, and where to. */
export interface Snippet {
  where: { kind: 'shell' } | { kind: 'settings' } | { kind: 'file'; path: string };
  text: string;
}

export interface ClientSetup {
  id: string;
  name: string;
  /** A command that has to come first. */
  install?: string;
  note?: 'cursor';
  snippets: Snippet[];
}

export interface SetupValues {
  /** The gateway's own address, without a slash at the end. */
  url: string;
  key: string;
  model: string;
}

const shell = (text: string): Snippet => ({ where: { kind: 'shell' }, text });
const settings = (text: string): Snippet => ({ where: { kind: 'settings' }, text });
const file = (path: string, text: string): Snippet => ({ where: { kind: 'file', path }, text });

/** How each client is told to use the gateway. */
export const clientsFor = (values: SetupValues): ClientSetup[] => [...agents(values), ...editors(values), ...curl(values), ...anthropicSdk(values), ...openaiSdk(values), ...geminiSdk(values)];

const agents = ({ url, key, model }: SetupValues): ClientSetup[] => [
  {
    id: 'claude-code',
    name: 'Claude Code',
    snippets: [
      shell(`export ANTHROPIC_BASE_URL=${url}\nexport ANTHROPIC_AUTH_TOKEN=${key}\nclaude --model ${model}`),
      file('~/.claude/settings.json', json({ env: { ANTHROPIC_BASE_URL: url, ANTHROPIC_AUTH_TOKEN: key }, model })),
    ],
  },
  {
    id: 'codex',
    name: 'Codex',
    snippets: [
      file(
        '~/.codex/config.toml',
        `model_provider = "ccgate"\nmodel = "${model}"\n\n[model_providers.ccgate]\nname = "CCGate"\nbase_url = "${url}/openai/v1"\nenv_key = "CCGATE_KEY"\nwire_api = "responses"`,
      ),
      shell(`export CCGATE_KEY=${key}\ncodex`),
    ],
  },
  {
    id: 'gemini-cli',
    name: 'Gemini CLI',
    snippets: [
      file('~/.gemini/settings.json', json({ security: { auth: { selectedType: 'gemini-api-key' } } })),
      shell(`export GOOGLE_GEMINI_BASE_URL=${url}/gemini\nexport GEMINI_API_KEY=${key}\ngemini --model ${model}`),
    ],
  },
];

const editors = ({ url, key, model }: SetupValues): ClientSetup[] => [
  {
    id: 'cursor',
    name: 'Cursor',
    note: 'cursor',
    snippets: [settings(`Settings → Models → API Keys\nOpenAI API Key: ${key}\nOverride OpenAI Base URL: ${url}/openai/v1\nAdd model: ${model}`)],
  },
  {
    id: 'cline',
    name: 'Cline',
    snippets: [settings(`API Provider: Anthropic\nAnthropic API Key: ${key}\nUse custom base URL: ${url}`), settings(`API Provider: OpenAI Compatible\nBase URL: ${url}/openai/v1\nAPI Key: ${key}\nModel ID: ${model}`)],
  },
  {
    id: 'nextchat',
    name: 'NextChat',
    snippets: [
      settings(`Model Provider: OpenAI\nOpenAI Endpoint: ${url}/openai\nOpenAI API Key: ${key}\nCustom Models: ${model}`),
      shell(`docker run -p 3001:3000 -e BASE_URL=${url}/openai -e OPENAI_API_KEY=${key} -e CUSTOM_MODELS=${model} yidadaa/chatgpt-next-web`),
    ],
  },
];

const curl = ({ url, key, model }: SetupValues): ClientSetup[] => [
  {
    id: 'curl',
    name: 'curl',
    snippets: [
      shell(
        `curl -N ${url}/v1/messages \\\n  -H "x-api-key: ${key}" -H "anthropic-version: 2023-06-01" -H "content-type: application/json" \\\n  -d '{"model":"${model}","max_tokens":1024,"stream":true,"messages":[{"role":"user","content":"Hello"}]}'`,
      ),
      shell(
        `curl ${url}/openai/v1/chat/completions \\\n  -H "Authorization: Bearer ${key}" -H "content-type: application/json" \\\n  -d '{"model":"${model}","messages":[{"role":"user","content":"Hello"}]}'`,
      ),
      shell(
        `curl ${url}/gemini/v1beta/models/${model}:generateContent \\\n  -H "x-goog-api-key: ${key}" -H "content-type: application/json" \\\n  -d '{"contents":[{"role":"user","parts":[{"text":"Hello"}]}]}'`,
      ),
    ],
  },
];

const anthropicSdk = ({ url, key, model }: SetupValues): ClientSetup[] => [
  {
    id: 'anthropic-python',
    name: 'Anthropic · Python',
    install: 'pip install anthropic',
    snippets: [
      file(
        'Python',
        `import anthropic\n\nclient = anthropic.Anthropic(base_url="${url}", api_key="${key}")\nmessage = client.messages.create(\n    model="${model}",\n    max_tokens=1024,\n    messages=[{"role": "user", "content": "Hello"}],\n)\nprint(message.content)`,
      ),
    ],
  },
  {
    id: 'anthropic-typescript',
    name: 'Anthropic · TypeScript',
    install: 'npm install @anthropic-ai/sdk',
    snippets: [
      file(
        'TypeScript',
        `import Anthropic from "@anthropic-ai/sdk";\n\nconst client = new Anthropic({ baseURL: "${url}", apiKey: "${key}" });\nconst message = await client.messages.create({\n  model: "${model}",\n  max_tokens: 1024,\n  messages: [{ role: "user", content: "Hello" }],\n});\nconsole.log(message.content);`,
      ),
    ],
  },
];

const openaiSdk = ({ url, key, model }: SetupValues): ClientSetup[] => [
  {
    id: 'openai-python',
    name: 'OpenAI · Python',
    install: 'pip install openai',
    snippets: [
      file(
        'Python',
        `from openai import OpenAI\n\nclient = OpenAI(base_url="${url}/openai/v1", api_key="${key}")\nanswer = client.chat.completions.create(\n    model="${model}",\n    messages=[{"role": "user", "content": "Hello"}],\n)\nprint(answer.choices[0].message.content)`,
      ),
    ],
  },
  {
    id: 'openai-typescript',
    name: 'OpenAI · TypeScript',
    install: 'npm install openai',
    snippets: [
      file(
        'TypeScript',
        `import OpenAI from "openai";\n\nconst client = new OpenAI({ baseURL: "${url}/openai/v1", apiKey: "${key}" });\nconst answer = await client.chat.completions.create({\n  model: "${model}",\n  messages: [{ role: "user", content: "Hello" }],\n});\nconsole.log(answer.choices[0].message.content);`,
      ),
    ],
  },
];

const geminiSdk = ({ url, key, model }: SetupValues): ClientSetup[] => [
  {
    id: 'gemini-python',
    name: 'Gemini · Python',
    install: 'pip install google-genai',
    snippets: [
      file(
        'Python',
        `from google import genai\nfrom google.genai import types\n\nclient = genai.Client(api_key="${key}", http_options=types.HttpOptions(base_url="${url}/gemini"))\nanswer = client.models.generate_content(model="${model}", contents="Hello")\nprint(answer.text)`,
      ),
    ],
  },
  {
    id: 'gemini-typescript',
    name: 'Gemini · TypeScript',
    install: 'npm install @google/genai',
    snippets: [
      file(
        'TypeScript',
        `import { GoogleGenAI } from "@google/genai";\n\nconst client = new GoogleGenAI({ apiKey: "${key}", httpOptions: { baseUrl: "${url}/gemini" } });\nconst answer = await client.models.generateContent({ model: "${model}", contents: "Hello" });\nconsole.log(answer.text);`,
      ),
    ],
  },
];

function json(value: unknown) {
  return JSON.stringify(value, null, 2);
}
