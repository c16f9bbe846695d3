import { createAnthropic } from '@ai-sdk/anthropic';
import { createGoogleGenerativeAI } from '@ai-sdk/google';
import { createOpenAI } from '@ai-sdk/openai';
import { Output, generateText, jsonSchema, stepCountIs, streamText, tool } from 'ai';
import { serve, usage, greet, askForWeather, system, weather, verdict, png } from './client.mjs';

const providers = {
  'vercel-anthropic': {
    model: ({ url, key, model }) => createAnthropic({ baseURL: `${url}/v1`, apiKey: key })(model),
    thinking: { anthropic: { thinking: { type: 'adaptive', display: 'summarized' } } },
  },
  'vercel-openai-chat': {
    model: ({ url, key, model }) => createOpenAI({ baseURL: `${url}/v1`, apiKey: key }).chat(model),
    thinking: { openai: { reasoningEffort: 'high' } },
  },
  'vercel-openai-responses': {
    model: ({ url, key, model }) => createOpenAI({ baseURL: `${url}/v1`, apiKey: key }).responses(model),
    thinking: { openai: { reasoningEffort: 'high', reasoningSummary: 'auto', store: false } },
    always: { openai: { store: false } },
  },
  'vercel-google': {
    model: ({ url, key, model }) => createGoogleGenerativeAI({ baseURL: `${url}/v1beta`, apiKey: key })(model),
    thinking: { google: { thinkingConfig: { includeThoughts: true } } },
  },
};

function start(provider, options, told) {
  const model = provider.model(options);

  async function ask(request) {
    const settings = { model, maxRetries: 0, maxOutputTokens: 4096, providerOptions: provider.always, ...request };
    let failure;
    const streamed = options.stream && streamText({ ...settings, onError: ({ error }) => { failure = error; } });
    if (streamed) await streamed.consumeStream();
    if (failure) throw failure;
    const steps = streamed ? await streamed.steps : (await generateText(settings)).steps;
    for (const step of steps) {
      const u = step.usage;
      told.usages.push(usage(u.inputTokens, u.inputTokenDetails.cacheReadTokens, u.outputTokens, u.outputTokenDetails.reasoningTokens));
      told.stops.push(step.finishReason);
      told.text += step.text;
      told.thoughts += step.reasoningText ?? '';
      for (const call of step.toolCalls) told.calls.push({ name: call.toolName, arguments: call.input });
    }
  }

  const tools = { [weather.name]: tool({ description: weather.description, inputSchema: jsonSchema(weather.schema), execute: weather.run }) };
  const converse = (extra) => ask({ system, prompt: askForWeather, tools, stopWhen: stepCountIs(5), ...extra });

  return {
    plain: () => ask({ system, prompt: greet }),
    tools: () => converse(),
    thinking: () => converse({ providerOptions: provider.thinking }),
    image: () => ask({ messages: [{ role: 'user', content: [{ type: 'image', image: png, mediaType: 'image/png' }, { type: 'text', text: 'What is it?' }] }] }),
    structured: () => ask({ prompt: 'Judge.', output: Output.object({ schema: jsonSchema(verdict) }) }),
    abort: async () => {
      const abort = new AbortController();
      for await (const part of streamText({ model, maxRetries: 0, prompt: greet, abortSignal: abort.signal }).fullStream) {
        if (part.type === 'text-delta') {
          told.text = part.text;
          abort.abort();
        }
      }
    },
  };
}

serve(Object.fromEntries(Object.entries(providers).map(([name, provider]) => [name, (options, told) => start(provider, options, told)])));
