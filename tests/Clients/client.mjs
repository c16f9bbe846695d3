// What the clients in this directory share: scenarios come as lines of JSON on stdin (or as one argument, by hand), answers go out as lines of JSON.
import readline from 'node:readline';

// Warnings of the Vercel library would come between the answers.
globalThis.AI_SDK_LOG_WARNINGS = false;

export const greet = 'Say hello.';
export const askForWeather = 'How is the weather in Köln and in Paris?';
export const system = 'You are terse.';

export const weather = {
  name: 'get_weather',
  description: 'Tells the weather of a city.',
  schema: {
    type: 'object',
    properties: { city: { type: 'string', description: 'Its name, as the locals write it' }, days: { type: 'integer' } },
    required: ['city', 'days'],
    additionalProperties: false,
  },
  run: ({ city, days }) => `${city.length} degrees on day ${days}`,
};

export const verdict = {
  type: 'object',
  properties: { mood: { type: 'string', enum: ['good', 'bad'] }, score: { type: 'integer' }, reasons: { type: 'array', items: { type: 'string' } } },
  required: ['mood', 'score', 'reasons'],
  additionalProperties: false,
};

// A PNG of one pixel, 70 bytes.
export const png = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';

/** Usage in classes that do not overlap, except that reasoning is part of the output; null where the client does not say. */
export const usage = (prompt, cacheRead, output, reasoning) => ({ prompt, cacheRead: cacheRead ?? 0, output, reasoning: reasoning ?? null });

async function answer(clients, line) {
  const { client, scenario, ...options } = JSON.parse(line);
  const told = { text: '', thoughts: '', calls: [], usages: [], stops: [], error: null };
  try {
    const start = clients[client];
    if (!start) throw new Error(`no client ${client}`);
    await start(options, told)[scenario]();
  } catch (error) {
    told.error = {
      type: error.constructor.name,
      status: error.status ?? error.statusCode ?? null,
      message: String(error.message),
      retryAfter: headerOf(error, 'retry-after'),
      stack: error.stack,
    };
  }
  process.stdout.write(JSON.stringify(told) + '\n');
}

function headerOf(error, name) {
  const headers = error.headers ?? error.responseHeaders;
  return (typeof headers?.get === 'function' ? headers.get(name) : headers?.[name]) ?? null;
}

/** Runs the clients of one library: for each a function of (options, told) that gives its scenarios. */
export async function serve(clients) {
  if (process.argv[2]) return answer(clients, process.argv[2]);
  for await (const line of readline.createInterface({ input: process.stdin })) await answer(clients, line);
}
