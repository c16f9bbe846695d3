using CCGate.Contracts;
using CCGate.Tests.Infrastructure;
using CCGate.Tests.Infrastructure.Models;

namespace CCGate.Tests.Conformance;

/// <summary>A gateway with one model behind it, which serves under the name of every client's model, at prices that a test can reckon with.</summary>
internal sealed class ModelGateway : IAsyncDisposable
{
    // Round, and different for every class, so that no class can pass for another.
    private static readonly (decimal Input, decimal CacheRead, decimal CacheWrite, decimal Output) PerMillion = (1m, 0.1m, 1.25m, 5m);

    private readonly TestGateway gateway;
    private DateTimeOffset began;

    private ModelGateway(TestGateway gateway, ModelUpstream model)
    {
        this.gateway = gateway;
        Model = model;
    }

    public string Url => gateway.Url;

    public ModelUpstream Model { get; }

    public static async Task<ModelGateway> StartAsync(string kind)
    {
        var protocol = ClientLibraries.Protocol(kind);
        var model = await ModelUpstream.StartAsync(protocol);
        var names = ClientLibraries.ModelNames.Where(name => name != protocol.Model).Select(name => $"\"{name}\": \"{protocol.Model}\"");
        var gateway = await TestGateway.StartAsync(
            $$"""
            { "upstreams": [ { "id": "u1", "kind": "{{kind}}", "url": "{{model.Url}}", "key": "{{ModelUpstream.Key}}", "modelMapping": { {{string.Join(", ", names)}} } } ] }
            """,
            prices: $$"""
            { "version": "test", "prices": [ { "model": "{{protocol.Model}}", "effectiveFrom": "2020-01-01",
              "perMillion": { "input": 1, "output": 5, "cacheRead": 0.1, "cacheWrite5m": 1.25, "cacheWrite1h": 2 } } ] }
            """);
        return new ModelGateway(gateway, model);
    }

    /// <summary>From here on the model plays this script, and only what is asked from here on counts.</summary>
    public void Begin(Func<ModelRequest, ModelAnswer> script)
    {
        began = TimeProvider.System.GetUtcNow();
        Model.Begin(script);
    }

    public async Task<IReadOnlyList<RequestCompleted>> EventsAsync(int count)
    {
        RequestCompleted[] events = [];
        await Eventually.HoldsAsync(
            async () => (events = [.. (await gateway.EventsAsync(0)).Where(completed => completed.AdmittedAt >= began)]).Length >= count, $"{count} requests are stored");
        return events;
    }

    public async Task<RequestCompleted> EventAsync() => Assert.Single(await EventsAsync(1));

    /// <summary>The tenant owes what the provider bills, request by request.</summary>
    public async Task AssertBilledAsync()
    {
        // Each answer has a bill of its own size.
        var said = Model.Said.OrderBy(answer => answer.Usage.InputTokens).ToArray();
        var events = (await EventsAsync(said.Length)).OrderBy(completed => completed.Usage.InputTokens).ToArray();
        Assert.Equal(said.Length, events.Length);
        Assert.All(said.Zip(events), pair =>
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

    private static decimal Usd(TokenUsage usage) =>
        ((usage.InputTokens * PerMillion.Input) + (usage.CacheReadTokens * PerMillion.CacheRead) + (usage.CacheWrite5mTokens * PerMillion.CacheWrite) + (usage.OutputTokens * PerMillion.Output)) / 1_000_000m;
}
