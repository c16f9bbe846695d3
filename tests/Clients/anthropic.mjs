import Anthropic from '@anthropic-ai/sdk';
import { serve, usage, greet, askForWeather, system, weather, verdict, png } from './client.mjs';

serve({
  anthropic: ({ url, key, model, stream }, told) => {
    const client = new Anthropic({ baseURL: url, apiKey: key, maxRetries: 0 });

    async function ask(request) {
      const body = { model, max_tokens: 4096, ...request };
      const message = stream ? await client.messages.stream(body).finalMessage() : await client.messages.create(body);
      const { usage: u } = message;
      told.usages.push(usage(u.input_tokens + u.cache_read_input_tokens + u.cache_creation_input_tokens, u.cache_read_input_tokens, u.output_tokens, u.output_tokens_details?.thinking_tokens));
      told.stops.push(message.stop_reason);
      for (const block of message.content) {
        if (block.type === 'text') told.text += block.text;
        if (block.type === 'thinking') told.thoughts += block.thinking;
        if (block.type === 'tool_use') told.calls.push({ name: block.name, arguments: block.input });
      }
      return message;
    }

    async function converse(extra = {}) {
      const messages = [{ role: 'user', content: askForWeather }];
      for (;;) {
        const message = await ask({ system, messages, tools: [{ name: weather.name, description: weather.description, input_schema: weather.schema }], ...extra });
        if (message.stop_reason !== 'tool_use') return;
        messages.push({ role: 'assistant', content: message.content });
        messages.push({
          role: 'user',
          content: message.content.filter((block) => block.type === 'tool_use').map((block) => ({ type: 'tool_result', tool_use_id: block.id, content: weather.run(block.input) })),
        });
      }
    }

    return {
      plain: () => ask({ system, messages: [{ role: 'user', content: greet }] }),
      tools: () => converse(),
      thinking: () => converse({ thinking: { type: 'adaptive', display: 'summarized' } }),
      image: () => ask({
        messages: [{ role: 'user', content: [{ type: 'image', source: { type: 'base64', media_type: 'image/png', data: png } }, { type: 'text', text: 'What is it?' }] }],
      }),
      structured: () => ask({ messages: [{ role: 'user', content: 'Judge.' }], output_config: { format: { type: 'json_schema', schema: verdict } } }),
      abort: async () => {
        for await (const event of client.messages.stream({ model, max_tokens: 4096, messages: [{ role: 'user', content: greet }] })) {
          if (event.type === 'content_block_delta') {
            told.text = event.delta.text;
            break;
          }
        }
      },
    };
  },
});
