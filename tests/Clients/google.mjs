import { GoogleGenAI } from '@google/genai';
import { serve, usage, greet, askForWeather, system, weather, verdict, png } from './client.mjs';

serve({
  google: ({ url, key, model, stream }, told) => {
    const client = new GoogleGenAI({ apiKey: key, httpOptions: { baseUrl: url } });

    async function ask(contents, config = {}) {
      const request = { model, contents, config: { maxOutputTokens: 4096, ...config } };
      let last;
      const parts = [];
      for await (const answer of stream ? await client.models.generateContentStream(request) : [await client.models.generateContent(request)]) {
        last = answer;
        parts.push(...(answer.candidates?.[0]?.content?.parts ?? []));
      }

      const { usageMetadata: u } = last;
      const thoughts = u.thoughtsTokenCount ?? 0;
      told.usages.push(usage(u.promptTokenCount, u.cachedContentTokenCount, u.candidatesTokenCount + thoughts, thoughts));
      told.stops.push(last.candidates[0].finishReason);
      for (const part of parts) {
        if (part.functionCall) told.calls.push({ name: part.functionCall.name, arguments: part.functionCall.args });
        else if (part.thought) told.thoughts += part.text ?? '';
        else told.text += part.text ?? '';
      }
      return parts;
    }

    async function converse(extra = {}) {
      const contents = [{ role: 'user', parts: [{ text: askForWeather }] }];
      const tools = [{ functionDeclarations: [{ name: weather.name, description: weather.description, parametersJsonSchema: weather.schema }] }];
      for (;;) {
        const parts = await ask(contents, { systemInstruction: system, tools, ...extra });
        const calls = parts.flatMap((part) => part.functionCall ?? []);
        if (calls.length === 0) return;
        contents.push({ role: 'model', parts });
        contents.push({ role: 'user', parts: calls.map(({ id, name, args }) => ({ functionResponse: { id, name, response: { output: weather.run(args) } } })) });
      }
    }

    return {
      plain: () => ask(greet, { systemInstruction: system }),
      tools: () => converse(),
      thinking: () => converse({ thinkingConfig: { includeThoughts: true } }),
      image: () => ask([{ role: 'user', parts: [{ inlineData: { mimeType: 'image/png', data: png } }, { text: 'What is it?' }] }]),
      structured: () => ask('Judge.', { responseMimeType: 'application/json', responseJsonSchema: verdict }),
      abort: async () => {
        const abort = new AbortController();
        try {
          for await (const answer of await client.models.generateContentStream({ model, contents: greet, config: { abortSignal: abort.signal } })) {
            told.text = answer.text;
            abort.abort();
          }
        } catch (error) {
          if (!abort.signal.aborted) throw error;
        }
      },
    };
  },
});
