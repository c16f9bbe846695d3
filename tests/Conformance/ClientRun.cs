using System.Text.Json;
using CCGate.Contracts;
using CCGate.Tests.Infrastructure;
using CCGate.Tests.Infrastructure.Models;

namespace CCGate.Tests.Conformance;

/// <summary>What a client library made of an answer, in its own words.</summary>
internal sealed record ClientAnswer(
    string Text, string Thoughts, IReadOnlyList<ClientCall> Calls, IReadOnlyList<ClientUsage> Usages, IReadOnlyList<string> Stops, ClientError? Error);

internal sealed record ClientCall(string Name, JsonElement Arguments);

/// <summary>Tokens as the client counts them; the prompt includes what caches held.</summary>
internal sealed record ClientUsage(long Prompt, long CacheRead, long Output, long? Reasoning);

internal sealed record ClientError(string Type, int? Status, string Message, string? RetryAfter, string Stack);

/// <summary>One client library, the gateway, and one model that plays a script.</summary>
internal sealed class ClientRun : IAsyncDisposable
{
    // Round, and different for every class, so that no class can pass for another.
    private static readonly (decimal Input, decimal CacheRead, decimal CacheWrite, decimal Output) PerMillion = (1m, 0.1m, 1.25m, 5m);

    private readonly NodeClient script;
    private readonly ClientLibrary library;
    private readonly TestGateway gateway;

    private ClientRun(NodeClient script, ClientLibrary library, TestGateway gateway, ModelUpstream model)
    {
        this.script = script;
        this.library = library;
        this.gateway = gateway;
        Model = model;
    }

    public ModelUpstream Model { get; }

    public static async Task<ClientRun> StartAsync(ClientLibraries libraries, string client, string kind, Func<ModelRequest, ModelAnswer> script)
    {
        var (library, protocol) = (ClientLibraries.Library(client), ClientLibraries.Protocol(kind));
        var model = await ModelUpstream.StartAsync(protocol, script);
        var gateway = await StartGatewayAsync(model, protocol, ModelOf(library));
        return new ClientRun(libraries.Script(library), library, gateway, model);
    }

    /// <summary>A gateway with this model behind it, under the name the client knows, at prices that the test can reckon with.</summary>
    public static Task<TestGateway> StartGatewayAsync(ModelUpstream model, IModelProtocol protocol, string requested)
    {
        var mapping = requested == protocol.Model ? "" : $$""", "modelMapping": { "{{requested}}": "{{protocol.Model}}" }""";
        return TestGateway.StartAsync(
            $$"""{ "upstreams": [ { "id": "u1", "kind": "{{protocol.Kind}}", "url": "{{model.Url}}", "key": "{{ModelUpstream.Key}}"{{mapping}} } ] }""",
            prices: $$"""
                { "version": "test", "prices": [ { "model": "{{protocol.Model}}*", "effectiveFrom": "2020-01-01",
                  "perMillion": { "input": 1, "output": 5, "cacheRead": 0.1, "cacheWrite5m": 1.25, "cacheWrite1h": 2 } } ] }
                """);
    }

    public async Task<ClientAnswer> AskAsync(string scenario, bool stream)
    {
        var answer = await script.AskAsync(new { client = library.Name, scenario, stream, url = gateway.Url + library.Surface, key = TestGateway.Key, model = ModelOf(library) });
        return JsonSerializer.Deserialize<ClientAnswer>(answer, JsonSerializerOptions.Web)!;
    }

    public async Task<RequestCompleted> EventAsync() => await gateway.EventAsync();

    /// <summary>The client read what the model said, and the tenant is billed what the provider bills.</summary>
    public async Task AssertToldAndBilledAsync(ClientAnswer answer)
    {
        Assert.Empty(Model.Refusals);
        Assert.Null(answer.Error);
        var said = Model.Said.ToArray();
        Assert.Equal(string.Concat(said.Select(one => one.Text)), answer.Text);
        AssertCalls([.. said.SelectMany(one => one.Parts.OfType<ModelToolCall>())], answer.Calls);
        Assert.Equal(said.Length, answer.Usages.Count);
        Assert.All(said.Zip(answer.Usages), pair => AssertUsage(pair.First.Usage, pair.Second));
        await AssertBilledAsync(gateway, said);
    }

    public static async Task AssertBilledAsync(TestGateway gateway, IReadOnlyList<ModelAnswer> said)
    {
        // Each answer has a bill of its own size.
        var events = (await gateway.EventsAsync(said.Count)).OrderBy(completed => completed.Usage.InputTokens).ToArray();
        Assert.Equal(said.Count, events.Length);
        Assert.All(said.OrderBy(answer => answer.Usage.InputTokens).Zip(events), pair =>
        {
            var (owed, billed) = (pair.First.Usage, pair.Second);
            Assert.Equal(RequestOutcome.Succeeded, billed.Outcome);
            Assert.Equal(owed, billed.Usage with { ServiceTier = null, RawUsage = null, Unknown = null });
            Assert.Equal(Usd(owed), billed.SpendUsd);
        });
    }

    public async ValueTask DisposeAsync()
    {
        await gateway.DisposeAsync();
        await Model.DisposeAsync();
    }

    /// <summary>A client asks for a model of its own provider's, for libraries know them by name and ask them differently.</summary>
    private static string ModelOf(ClientLibrary library) => ClientLibraries.Protocol(library.Speaks).Model;

    private static void AssertCalls(ModelToolCall[] expected, IReadOnlyList<ClientCall> calls)
    {
        Assert.Equal(expected.Select(call => call.Name), calls.Select(call => call.Name));
        Assert.All(expected.Zip(calls), pair => Assert.True(
            JsonElement.DeepEquals(JsonElement.Parse(pair.First.Arguments), pair.Second.Arguments), $"{pair.First.Arguments} became {pair.Second.Arguments}"));
    }

    private static void AssertUsage(TokenUsage owed, ClientUsage told)
    {
        Assert.Equal((owed.PromptTokens, owed.CacheReadTokens, owed.OutputTokens), (told.Prompt, told.CacheRead, told.Output));
        Assert.Contains(told.Reasoning, (long?[])[null, owed.ReasoningTokens]);
    }

    private static decimal Usd(TokenUsage usage) =>
        ((usage.InputTokens * PerMillion.Input) + (usage.CacheReadTokens * PerMillion.CacheRead) + (usage.CacheWrite5mTokens * PerMillion.CacheWrite) + (usage.OutputTokens * PerMillion.Output)) / 1_000_000m;
}
