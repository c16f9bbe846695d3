using System.Collections.Concurrent;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using CCGate.Contracts;
using Microsoft.AspNetCore.Http;

namespace CCGate.Tests.Infrastructure.Models;

/// <summary>A small honest model behind a provider's API: it refuses what the API refuses, plays a script, and writes down what it will bill.</summary>
internal sealed class ModelUpstream : IAsyncDisposable
{
    public const string Key = "key-of-the-model";

    private readonly ScriptedUpstream server;
    private readonly IModelProtocol protocol;
    private Func<ModelRequest, ModelAnswer> script = ModelScripts.Plain;
    private int answers;
    private int aborts;

    private ModelUpstream(ScriptedUpstream server, IModelProtocol protocol)
    {
        this.server = server;
        this.protocol = protocol;
        server.Answer = HandleAsync;
    }

    public string Url => server.Url;

    public ConcurrentQueue<ModelRequest> Requests { get; } = new();

    /// <summary>Why it refused requests.</summary>
    public ConcurrentQueue<string> Refusals { get; } = new();

    /// <summary>What it answered, in order, each with what it bills; not what it failed to answer.</summary>
    public ConcurrentQueue<ModelAnswer> Said { get; } = new();

    /// <summary>How many clients left before the end.</summary>
    public int Aborts => Volatile.Read(ref aborts);

    public static async Task<ModelUpstream> StartAsync(IModelProtocol protocol) => new(await ScriptedUpstream.StartAsync(), protocol);

    /// <summary>Plays another script from here on, and forgets what was asked before.</summary>
    public void Begin(Func<ModelRequest, ModelAnswer> next)
    {
        script = next;
        Requests.Clear();
        Refusals.Clear();
        Said.Clear();
        server.Received.Clear();
        Volatile.Write(ref aborts, 0);
    }

    public ValueTask DisposeAsync() => server.DisposeAsync();

    private async Task HandleAsync(HttpContext http)
    {
        try
        {
            await AnswerAsync(http);
        }
        catch (ModelRefusalException refusal)
        {
            Refusals.Enqueue(refusal.Message);
            await WriteAsync(http, protocol.Error(refusal.Status, refusal.Message), refusal.Status);
        }
        catch (OperationCanceledException) when (http.RequestAborted.IsCancellationRequested)
        {
            Interlocked.Increment(ref aborts);
        }
    }

    private async Task AnswerAsync(HttpContext http)
    {
        if (protocol.KeyIn(http.Request) != Key)
        {
            throw new ModelRefusalException(401, "invalid x-api-key");
        }

        if (protocol.Aside(http.Request) is { } aside)
        {
            await WriteAsync(http, aside);
            return;
        }

        var request = protocol.Read(http.Request, new RequestNode(Body(http), ""));
        Requests.Enqueue(request);
        var number = Interlocked.Increment(ref answers);
        var played = script(request);
        var shown = request.ShowsThoughts ? played.Parts : [.. played.Parts.Select(part => part is ModelThought ? new ModelThought("") : part)];
        var answer = played with { Parts = shown, Id = string.Create(CultureInfo.InvariantCulture, $"answer_{number}"), Usage = UsageOf(number) };
        if (answer.Fault is { } fault)
        {
            http.Response.Headers.RetryAfter = fault.RetryAfter;
            await WriteAsync(http, protocol.Error(fault.Status, fault.Message), fault.Status);
            return;
        }

        if (!answer.Breaks && !answer.Stalls)
        {
            Said.Enqueue(answer);
        }

        await (request.Streaming ? StreamAsync(http, answer, request) : WriteAsync(http, protocol.Write(answer, request)));
    }

    /// <summary>Another one for every answer, so that no two bills can be mistaken for each other.</summary>
    private TokenUsage UsageOf(int number) => new()
    {
        InputTokens = 1_000 + number,
        CacheReadTokens = 300,
        CacheWrite5mTokens = protocol.Kind == "anthropic" ? 200 : 0,
        OutputTokens = 50 + number,
        ReasoningTokens = 20,
    };

    private async Task StreamAsync(HttpContext http, ModelAnswer answer, ModelRequest request)
    {
        var frames = protocol.Frames(answer, request).ToArray();
        var shown = answer.Breaks || answer.Stalls ? frames[..(frames.Length / 2)] : frames;
        await AnthropicAnswers.FramesAsync(http, shown);
        if (answer.Breaks)
        {
            await http.Response.WriteAsync(protocol.ErrorFrame("the model broke"), http.RequestAborted);
        }

        if (answer.Stalls)
        {
            await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, http.RequestAborted);
        }
    }

    private static JsonElement Body(HttpContext http)
    {
        try
        {
            return JsonElement.Parse(((MemoryStream)http.Items["body"]!).ToArray());
        }
        catch (JsonException)
        {
            throw new ModelRefusalException(400, "The request body is not valid JSON");
        }
    }

    private static Task WriteAsync(HttpContext http, JsonObject json, int status = 200) => AnthropicAnswers.JsonAsync(http, json.ToJsonString(), status);
}
