import OpenAI from 'openai';
import { serve, usage, greet, askForWeather, system, weather, verdict, png } from './client.mjs';

const image = `data:image/png;base64,${png}`;

serve({
  'openai-chat': ({ url, key, model, stream }, told) => {
    const client = new OpenAI({ baseURL: `${url}/v1`, apiKey: key, maxRetries: 0 });

    async function ask(request) {
      const body = { model, max_completion_tokens: 4096, ...request };
      const completion = stream
        ? await client.chat.completions.stream({ ...body, stream_options: { include_usage: true } }).finalChatCompletion()
        : await client.chat.completions.create(body);
      const { usage: u, choices: [{ message, finish_reason }] } = completion;
      told.usages.push(usage(u.prompt_tokens, u.prompt_tokens_details?.cached_tokens, u.completion_tokens, u.completion_tokens_details?.reasoning_tokens));
      told.stops.push(finish_reason);
      told.text += message.content ?? '';
      for (const call of message.tool_calls ?? []) told.calls.push({ name: call.function.name, arguments: JSON.parse(call.function.arguments) });
      return message;
    }

    async function converse(extra = {}) {
      const messages = [{ role: 'developer', content: system }, { role: 'user', content: askForWeather }];
      const tools = [{ type: 'function', function: { name: weather.name, description: weather.description, parameters: weather.schema, strict: true } }];
      for (;;) {
        const { role, content, tool_calls } = await ask({ messages, tools, ...extra });
        if (!tool_calls?.length) return;
        messages.push({ role, content, tool_calls: tool_calls.map(({ id, type, function: { name, arguments: args } }) => ({ id, type, function: { name, arguments: args } })) });
        for (const call of tool_calls) messages.push({ role: 'tool', tool_call_id: call.id, content: weather.run(JSON.parse(call.function.arguments)) });
      }
    }

    return {
      plain: () => ask({ messages: [{ role: 'system', content: system }, { role: 'user', content: greet }] }),
      tools: () => converse(),
      thinking: () => converse({ reasoning_effort: 'high' }),
      image: () => ask({ messages: [{ role: 'user', content: [{ type: 'image_url', image_url: { url: image } }, { type: 'text', text: 'What is it?' }] }] }),
      structured: () => ask({
        messages: [{ role: 'user', content: 'Judge.' }],
        response_format: { type: 'json_schema', json_schema: { name: 'verdict', schema: verdict, strict: true } },
      }),
      abort: async () => {
        for await (const chunk of await client.chat.completions.create({ model, messages: [{ role: 'user', content: greet }], stream: true })) {
          told.text += chunk.choices[0]?.delta.content ?? '';
          if (told.text) break;
        }
      },
    };
  },

  'openai-responses': ({ url, key, model, stream }, told) => {
    const client = new OpenAI({ baseURL: `${url}/v1`, apiKey: key, maxRetries: 0 });

    async function ask(request) {
      const body = { model, max_output_tokens: 4096, store: false, ...request };
      const response = stream ? await client.responses.stream(body).finalResponse() : await client.responses.create(body);
      const { usage: u } = response;
      told.usages.push(usage(u.input_tokens, u.input_tokens_details?.cached_tokens, u.output_tokens, u.output_tokens_details?.reasoning_tokens));
      told.stops.push(response.status);
      told.text += response.output_text;
      for (const item of response.output) {
        if (item.type === 'function_call') told.calls.push({ name: item.name, arguments: JSON.parse(item.arguments) });
        if (item.type === 'reasoning') told.thoughts += item.summary.map((part) => part.text).join('');
      }
      return response;
    }

    async function converse(extra = {}) {
      const input = [{ role: 'user', content: askForWeather }];
      const tools = [{ type: 'function', name: weather.name, description: weather.description, parameters: weather.schema, strict: true }];
      for (;;) {
        const { output } = await ask({ instructions: system, input, tools, include: ['reasoning.encrypted_content'], ...extra });
        const calls = output.filter((item) => item.type === 'function_call');
        if (calls.length === 0) return;
        // The helper for streams adds what it parsed; the API takes back only what it said.
        input.push(...output.map(({ parsed_arguments, ...item }) => (item.content ? { ...item, content: item.content.map(({ parsed, ...part }) => part) } : item)));
        input.push(...calls.map((call) => ({ type: 'function_call_output', call_id: call.call_id, output: weather.run(JSON.parse(call.arguments)) })));
      }
    }

    return {
      plain: () => ask({ instructions: system, input: greet }),
      tools: () => converse(),
      thinking: () => converse({ reasoning: { effort: 'high', summary: 'auto' } }),
      image: () => ask({ input: [{ role: 'user', content: [{ type: 'input_image', image_url: image, detail: 'auto' }, { type: 'input_text', text: 'What is it?' }] }] }),
      structured: () => ask({ input: 'Judge.', text: { format: { type: 'json_schema', name: 'verdict', schema: verdict, strict: true } } }),
      abort: async () => {
        for await (const event of await client.responses.create({ model, input: greet, stream: true })) {
          if (event.type === 'response.output_text.delta') {
            told.text = event.delta;
            break;
          }
        }
      },
    };
  },
});
