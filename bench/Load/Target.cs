using CCGate.Bench.Processes;
using CCGate.Bench.Report;

namespace CCGate.Bench.Load;

/// <summary>Somebody the clients can send to: the upstream itself, the bare forwarder, or a gateway with its ledger.</summary>
internal sealed class Target(string name, BenchProcess process, GatewayLedger? ledger) : IAsyncDisposable
{
    private readonly LoadClients clients = new(process.Url);
    private long sent;

    public string Name => name;

    public async Task WarmUpAsync(Scenario scenario, CancellationToken cancellationToken)
    {
        await SendAsync(scenario, scenario.WarmUpRequests, cancellationToken);
        await SettleAsync(cancellationToken);
    }

    /// <summary>One round. The processor time ends with the last event in the read model, so what a gateway does after the answer is counted too.</summary>
    public async Task<RoundFigures> MeasureAsync(Scenario scenario, CancellationToken cancellationToken)
    {
        var processorTime = process.ProcessorTime();
        var allocated = process.AllocatedBytes();
        var times = await SendAsync(scenario, scenario.Requests, cancellationToken);
        await SettleAsync(cancellationToken);
        return RoundFigures.Of(times, process.ProcessorTime() - processorTime, process.AllocatedBytes() - allocated, process.ResidentBytes());
    }

    /// <summary>Whether the bill is right; throws when it is not.</summary>
    public Task VerifyAsync(CancellationToken cancellationToken) => ledger?.VerifyAsync(cancellationToken) ?? Task.CompletedTask;

    public async ValueTask DisposeAsync()
    {
        clients.Dispose();
        await process.DisposeAsync();
        await (ledger?.DisposeAsync() ?? ValueTask.CompletedTask);
    }

    private Task<RoundTimes> SendAsync(Scenario scenario, int requests, CancellationToken cancellationToken)
    {
        sent += requests;
        return clients.SendAsync(scenario, requests, cancellationToken);
    }

    private Task SettleAsync(CancellationToken cancellationToken) => ledger?.SettleAsync(sent, cancellationToken) ?? Task.CompletedTask;
}
