using System.ClientModel;
using System.ClientModel.Primitives;
using System.Text;
using System.Text.Json;
using CCGate.Contracts;
using CCGate.Tests.Infrastructure;
using OpenAI;
using OpenAI.Chat;

namespace CCGate.Tests.Conformance;

/// <summary>The official SDK, asked to say what it makes of an upstream directly and through the gateway: it must not see a difference.</summary>
public sealed class OpenAiSdkTests
{
    private const string Model = "gpt-5.5";

    private static readonly ChatMessage[] Question = [new SystemChatMessage("Antworte kurz. 世界"), new UserChatMessage("Wie ist das Wetter in Köln? 🌧")];

    [Fact]
    public async Task A_completion_is_the_same_through_the_gateway()
    {
        await using var upstream = await ScriptedUpstream.StartAsync(http => AnthropicAnswers.JsonAsync(http, Fixture("chat.json")));
        await using var gateway = await StartAsync(upstream);

        var direct = await Client(upstream.Url, "direct").CompleteChatAsync(Question, Options());
        var through = await Client(gateway.Url + "/openai", TestGateway.Key).CompleteChatAsync(Question, Options());

        Assert.Equal(direct.GetRawResponse().Content.ToString(), through.GetRawResponse().Content.ToString());
        Assert.Equal(("Grüße, 世界 🌍", 64), (through.Value.Content[0].Text, through.Value.Usage.OutputTokenCount));
        var (first, second) = Received(upstream);
        Assert.Equal(first.Text, second.Text);
        Assert.Equal((first.Path, "Bearer upstream-secret"), (second.Path, second.Headers["Authorization"]));
    }

    [Fact]
    public async Task A_stream_with_a_tool_call_is_the_same_through_the_gateway_update_by_update()
    {
        await using var upstream = await ScriptedUpstream.StartAsync(http => AnthropicAnswers.StreamAsync(http, Fixture("chat.sse")));
        await using var gateway = await StartAsync(upstream);

        var direct = await StreamAsync(Client(upstream.Url, "direct"));
        var through = await StreamAsync(Client(gateway.Url, TestGateway.Key));

        Assert.Equal(direct, through);
        Assert.Contains("{\"city\":\"Köln\"}", string.Concat(through.Select(update => update.Arguments)), StringComparison.Ordinal);
        Assert.Equal(64, through[^1].OutputTokens); // This SDK asks for the usage itself.
        var (first, second) = Received(upstream);
        Assert.Equal(first.Text, second.Text);
        var completed = await gateway.EventAsync();
        Assert.Equal((UsageState.Known, 1500, 64), (completed.Attempts[0].UsageState, completed.Usage.PromptTokens, completed.Usage.OutputTokens));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_stream_cut_in_the_middle_is_an_exception_and_not_half_an_answer(bool isBetweenFrames)
    {
        var answer = Fixture("chat-cut.sse");
        await using var upstream = RawUpstream.Start(async upstream =>
        {
            await upstream.HeadAsync();
            await upstream.ChunkAsync(isBetweenFrames ? answer[..(answer.LastIndexOf("\n\n", StringComparison.Ordinal) + 2)] : answer);
        });
        await using var gateway = await TestGateway.StartAsync($$"""{ "upstreams": [ { "id": "u", "kind": "openai", "url": "{{upstream.Url}}", "key": "k" } ] }""");

        await Assert.ThrowsAnyAsync<Exception>(() => StreamAsync(Client(gateway.Url, TestGateway.Key)));
    }

    [Fact]
    public async Task An_exhausted_budget_is_said_once_and_not_tried_again()
    {
        await using var upstream = await ScriptedUpstream.StartAsync();
        await using var gateway = await StartAsync(upstream, """ "limits": { "daily": { "maxUSD": 0 } } """);

        var refused = await Assert.ThrowsAsync<ClientResultException>(() => Client(gateway.Url, TestGateway.Key).CompleteChatAsync(Question, Options()));

        Assert.Equal(429, refused.Status);
        Assert.Contains("insufficient_quota", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Embeddings_and_models_are_read()
    {
        await using var upstream = await ScriptedUpstream.StartAsync(http => AnthropicAnswers.JsonAsync(http, """{"object":"list","data":[{"object":"embedding","index":0,"embedding":"AACAPw=="}],"model":"text-embedding-3-small","usage":{"prompt_tokens":2,"total_tokens":2}}"""));
        await using var gateway = await StartAsync(upstream);
        var client = new OpenAIClient(new ApiKeyCredential(TestGateway.Key), new OpenAIClientOptions { Endpoint = new Uri(gateway.Url + "/openai/v1") });

        var embedding = await client.GetEmbeddingClient("text-embedding-3-small").GenerateEmbeddingAsync("Hallo");
        var models = await client.GetOpenAIModelClient().GetModelsAsync();

        Assert.Equal(1f, embedding.Value.ToFloats().Span[0]);
        Assert.Contains(models.Value, model => model.Id == Model);
        Assert.Equal(2, (await gateway.EventAsync()).Usage.InputTokens);
    }

    private static ChatCompletionOptions Options() => new()
    {
        MaxOutputTokenCount = 1000,
        Tools = { ChatTool.CreateFunctionTool("get_weather", "Das Wetter", BinaryData.FromString("""{"type":"object","properties":{"city":{"type":"string"}}}""")) },
    };

    private static ChatClient Client(string url, string key) => new(
        Model, new ApiKeyCredential(key), new OpenAIClientOptions { Endpoint = new Uri(url + "/v1"), RetryPolicy = new ClientRetryPolicy(0) });

    private static async Task<List<(string Text, string Arguments, long? OutputTokens)>> StreamAsync(ChatClient client)
    {
        var updates = new List<(string Text, string Arguments, long? OutputTokens)>();
        await foreach (var update in client.CompleteChatStreamingAsync(Question, Options()))
        {
            updates.Add((
                string.Concat(update.ContentUpdate.Select(part => part.Text)),
                string.Concat(update.ToolCallUpdates.Select(call => call.FunctionArgumentsUpdate?.ToString())),
                update.Usage?.OutputTokenCount));
        }

        return updates;
    }

    private static (ReceivedRequest First, ReceivedRequest Second) Received(ScriptedUpstream upstream)
    {
        Assert.Equal(2, upstream.Received.Count);
        return (upstream.Received.First(), upstream.Received.Last());
    }

    private static string Fixture(string name) => File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "Fixtures", "openai", name), Encoding.UTF8);

    private static Task<TestGateway> StartAsync(ScriptedUpstream upstream, string tenant = "") => TestGateway.StartAsync(
        $$"""{ "upstreams": [ { "id": "u1", "kind": "openai", "url": "{{upstream.Url}}/v1", "key": "upstream-secret", "models": ["{{Model}}", "text-embedding-*"] } ] }""",
        TestGateway.Tenant(tenant),
        prices: JsonSerializer.Serialize(new { version = "test", prices = new[] { new { model = "*", perMillion = new { input = 1, output = 10, cacheRead = 1, cacheWrite5m = 1, cacheWrite1h = 1 } } } }));
}
