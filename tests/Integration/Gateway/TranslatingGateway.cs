using System.Text;
using System.Text.Json;
using CCGate.Contracts;
using CCGate.Tests.Infrastructure;
using Microsoft.AspNetCore.Http;

namespace CCGate.Tests.Integration.Gateway;

/// <summary>A protocol as its clients and upstreams speak it over HTTP.</summary>
/// <param name="Name">As the files in <c>tests/Fixtures/translation</c> name it.</param>
/// <param name="Kind">The <c>kind</c> of its upstreams.</param>
/// <param name="Model">Which only the upstream of this kind serves.</param>
internal sealed record Spoken(string Name, string Kind, string Model)
{
    public static readonly IReadOnlyList<Spoken> All =
        [new("anthropic", "anthropic", "claude-sonnet-4-5"), new("chat", "openai", "gpt-5-mini"), new("responses", "openai-responses", "gpt-5"), new("gemini", "gemini", "gemini-3-pro")];

    /// <summary>Each client with each kind of upstream that speaks another protocol.</summary>
    public static TheoryData<string, string> CrossPairs => Pairs(withSame: false);

    public static TheoryData<string, string> AllPairs => Pairs(withSame: true);

    public static Spoken Of(string name) => All.Single(spoken => spoken.Name == name);

    public static string Fixture(string file) => File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "Fixtures", "translation", file));

    public static string[] FramesOf(string stream) => [.. stream.ReplaceLineEndings("\n").Split("\n\n", StringSplitOptions.RemoveEmptyEntries).Select(frame => frame + "\n\n")];

    public string PathFor(string model, bool stream) => Name switch
    {
        "anthropic" => "/v1/messages",
        "chat" => "/openai/v1/chat/completions",
        "responses" => "/openai/v1/responses",
        _ => $"/gemini/v1beta/models/{model}:{(stream ? "streamGenerateContent?alt=sse" : "generateContent")}",
    };

    /// <summary>A request of a few words; more members may come first.</summary>
    public string Body(string model, bool stream, string members = "", string text = "Hello")
    {
        var told = JsonSerializer.Serialize(text);
        return Name switch
        {
            "anthropic" => $$"""{ {{members}} "model":"{{model}}","max_tokens":100,"stream":{{(stream ? "true" : "false")}},"messages":[{"role":"user","content":{{told}}}]}""",
            "chat" => $$$"""{ {{{members}}} "model":"{{{model}}}","stream":{{{(stream ? "true,\"stream_options\":{\"include_usage\":true}" : "false")}}},"messages":[{"role":"user","content":{{{told}}}}]}""",
            "responses" => $$"""{ {{members}} "model":"{{model}}","stream":{{(stream ? "true" : "false")}},"input":{{told}}}""",
            _ => $$"""{ {{members}} "contents":[{"role":"user","parts":[{"text":{{told}}}]}]}""",
        };
    }

    /// <summary>Whether this is an answer as clients of the protocol expect it, not streamed.</summary>
    public bool IsAnswer(JsonElement body) => body.ValueKind == JsonValueKind.Object && Name switch
    {
        "anthropic" => body.TryGetProperty("content", out var content) && content.ValueKind == JsonValueKind.Array && body.GetProperty("usage").ValueKind == JsonValueKind.Object,
        "chat" => body.TryGetProperty("choices", out var choices) && choices[0].GetProperty("message").ValueKind == JsonValueKind.Object,
        "responses" => body.TryGetProperty("output", out var output) && output.ValueKind == JsonValueKind.Array,
        _ => body.TryGetProperty("candidates", out _) || body.TryGetProperty("promptFeedback", out _),
    };

    /// <summary>Whether this is an error as clients of the protocol expect it.</summary>
    public bool IsError(JsonElement body) =>
        body.ValueKind == JsonValueKind.Object && body.TryGetProperty("error", out var error) && error.TryGetProperty("message", out var message) && message.GetString()!.Length > 0 && Name switch
        {
            "anthropic" => body.GetProperty("type").GetString() == "error" && error.GetProperty("type").GetString()!.Length > 0,
            "gemini" => error.GetProperty("code").GetInt32() >= 400 && error.GetProperty("status").GetString()!.Length > 0,
            _ => error.GetProperty("type").GetString()!.Length > 0 && error.TryGetProperty("code", out _),
        };

    /// <summary>Whether the stream says that the answer is whole.</summary>
    public bool IsWhole(string stream) => Name switch
    {
        "anthropic" => stream.EndsWith("event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n", StringComparison.Ordinal),
        "chat" => stream.EndsWith("data: [DONE]\n\n", StringComparison.Ordinal),
        "responses" => FramesOf(stream) is [.., var last] && last.StartsWith("event: response.", StringComparison.Ordinal) && !last.StartsWith("event: response.failed", StringComparison.Ordinal) && (last.StartsWith("event: response.completed", StringComparison.Ordinal) || last.StartsWith("event: response.incomplete", StringComparison.Ordinal)),
        _ => FramesOf(stream) is [.., var last] && last.Contains("\"finishReason\"", StringComparison.Ordinal),
    };

    /// <summary>Whether the stream ends with the error of the client's protocol.</summary>
    public bool IsBroken(string stream)
    {
        if (FramesOf(stream) is not [.., var last] || last == "data: [DONE]\n\n")
        {
            return false;
        }

        var data = JsonElement.Parse(last[(last.IndexOf("data: ", StringComparison.Ordinal) + 6)..]);
        return Name == "responses"
            ? last.StartsWith("event: error\n", StringComparison.Ordinal) || last.StartsWith("event: response.failed\n", StringComparison.Ordinal)
            : data.TryGetProperty("error", out _);
    }

    /// <summary>The tokens of prompt and answer as the client is told them, in an answer or in the frame of a stream that has them.</summary>
    public (long Prompt, long Output)? TokensIn(JsonElement told)
    {
        var usage = Name switch
        {
            "gemini" => Find(told, "usageMetadata"),
            "responses" when Find(told, "response") is { } response => Find(response, "usage"),
            _ => Find(told, "usage"),
        };
        return usage is not { } counts ? null : Name switch
        {
            "anthropic" => (Number(counts, "input_tokens") + Number(counts, "cache_read_input_tokens") + Number(counts, "cache_creation_input_tokens"), Number(counts, "output_tokens")),
            "chat" => (Number(counts, "prompt_tokens"), Number(counts, "completion_tokens")),
            "responses" => (Number(counts, "input_tokens"), Number(counts, "output_tokens")),
            _ => (Number(counts, "promptTokenCount"), Number(counts, "candidatesTokenCount") + Number(counts, "thoughtsTokenCount")),
        };
    }

    private static JsonElement? Find(JsonElement json, string name) => json.ValueKind == JsonValueKind.Object && json.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.Object ? value : null;

    private static long Number(JsonElement json, string name) => json.TryGetProperty(name, out var value) ? value.GetInt64() : 0;

    private static TheoryData<string, string> Pairs(bool withSame)
    {
        var pairs = new TheoryData<string, string>();
        foreach (var client in All)
        {
            foreach (var upstream in All.Where(upstream => withSame || upstream != client))
            {
                pairs.Add(client.Name, upstream.Name);
            }
        }

        return pairs;
    }
}

/// <summary>A gateway with one upstream of every kind behind it; the model that is asked for decides which of them answers.</summary>
internal sealed class TranslatingGateway : IAsyncDisposable
{
    // The same for every model, and different for every class.
    private const string PerMillion = """ "perMillion": { "input": 1, "output": 5, "cacheRead": 0.1, "cacheWrite5m": 1.25, "cacheWrite1h": 2 } """;

    private readonly Dictionary<string, ScriptedUpstream> upstreams = [];

    private TranslatingGateway(TestGateway gateway) => Gateway = gateway;

    public static string Prices { get; } =
        $$"""{ "version": "test", "prices": [ {{string.Join(", ", Spoken.All.Select(spoken => spoken.Model).Concat(["claude-sonnet-4-5-20250929", "gpt-5-mini-2025-08-07"]).Select(model => $$"""{ "model": "{{model}}", "effectiveFrom": "2020-01-01", {{PerMillion}} }"""))}} ] }""";

    public TestGateway Gateway { get; }

    /// <param name="tenant">More members of the tenant.</param>
    /// <param name="server">server.json.</param>
    public static async Task<TranslatingGateway> StartAsync(string tenant = "", string server = "{}")
    {
        var started = new Dictionary<string, ScriptedUpstream>();
        foreach (var spoken in Spoken.All)
        {
            started[spoken.Name] = await ScriptedUpstream.StartAsync(http => AnswerAsync(http, spoken));
        }

        var gateway = new TranslatingGateway(await TestGateway.StartAsync(
            Upstreams([.. Spoken.All.Select(spoken => Upstream(spoken, started[spoken.Name].Url, $$""" "models": ["{{spoken.Model}}"], "circuitBreaker": { "enabled": false } """))]), TestGateway.Tenant(tenant), server, prices: Prices));
        foreach (var (name, upstream) in started)
        {
            gateway.upstreams[name] = upstream;
        }

        return gateway;
    }

    public static string Upstreams(string[] upstreams, string balancer = "{}") => $$"""{ "upstreams": [ {{string.Join(", ", upstreams)}} ], "loadBalancer": {{balancer}} }""";

    public static string Upstream(Spoken spoken, string url, string members) => $$"""{ "id": "{{spoken.Name}}", "kind": "{{spoken.Kind}}", "url": "{{url}}", "key": "key-of-{{spoken.Name}}", {{members}} }""";

    public static decimal Usd(TokenUsage usage) =>
        (usage.InputTokens + (usage.CacheReadTokens * 0.1m) + (usage.CacheWrite5mTokens * 1.25m) + (usage.CacheWrite1hTokens * 2m) + (usage.OutputTokens * 5m)) / 1_000_000m;

    /// <summary>Whether what came asks for a stream.</summary>
    public static bool Streams(HttpContext http, Spoken spoken) => spoken.Name == "gemini"
        ? http.Request.Path.Value!.EndsWith(":streamGenerateContent", StringComparison.Ordinal)
        : Encoding.UTF8.GetString(BodyOf(http)).Contains("\"stream\":true", StringComparison.Ordinal);

    public static byte[] BodyOf(HttpContext http) => ((MemoryStream)http.Items["body"]!).ToArray();

    /// <summary>An answer of a few words, streamed when that was asked for.</summary>
    public static Task AnswerAsync(HttpContext http, Spoken spoken, string story = "text") => Streams(http, spoken)
        ? AnthropicAnswers.StreamAsync(http, Spoken.Fixture($"{story}.{spoken.Name}.sse"))
        : AnthropicAnswers.JsonAsync(http, Spoken.Fixture($"{story}.{spoken.Name}.answer.json"));

    public ScriptedUpstream At(Spoken spoken) => upstreams[spoken.Name];

    public Task<HttpResponseMessage> PostAsync(Spoken client, Spoken upstream, bool stream, byte[]? body = null, CancellationToken cancellationToken = default) =>
        Gateway.PostAsync(body ?? Encoding.UTF8.GetBytes(client.Body(upstream.Model, stream)), client.PathFor(upstream.Model, stream), cancellationToken: cancellationToken);

    /// <summary>All that comes of an answer, and whether its connection was cut then.</summary>
    public static async Task<(string Text, bool IsCut)> ReadAsync(HttpResponseMessage response)
    {
        using var received = new MemoryStream();
        var isCut = false;
        try
        {
            await (await response.Content.ReadAsStreamAsync()).CopyToAsync(received);
        }
        catch (Exception cut) when (cut is IOException or HttpRequestException)
        {
            isCut = true;
        }

        return (Encoding.UTF8.GetString(received.ToArray()), isCut);
    }

    public async ValueTask DisposeAsync()
    {
        await Gateway.DisposeAsync();
        foreach (var upstream in upstreams.Values)
        {
            await upstream.DisposeAsync();
        }
    }
}
