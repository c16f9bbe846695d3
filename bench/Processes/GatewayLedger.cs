using System.Diagnostics;
using CCGate.Hosting.Storage;
using Dapper;

namespace CCGate.Bench.Processes;

/// <summary>The ledger of a gateway under measurement, read beside it: a gateway that is fast and loses a request is not fast.</summary>
internal sealed class GatewayLedger(string name, string program, DirectoryInfo config, DirectoryInfo data) : IAsyncDisposable
{
    private static readonly TimeSpan LongestWait = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan Period = TimeSpan.FromMilliseconds(20);

    private readonly SqliteDatabase database = new(Path.Combine(data.FullName, "store.db"));

    /// <summary>Returns when so many requests are stored and counted; throws when there are more, or not so many after a minute.</summary>
    public async Task SettleAsync(long requests, CancellationToken cancellationToken)
    {
        var started = Stopwatch.GetTimestamp();
        while (true)
        {
            var (stored, waiting) = await ReadAsync(cancellationToken);
            if (stored == requests && waiting == 0)
            {
                return;
            }

            if (stored > requests || Stopwatch.GetElapsedTime(started) > LongestWait)
            {
                throw new BenchFailedException($"{name}: {requests} requests were answered, {stored} are stored, {waiting} of them not in the read model.");
            }

            await Task.Delay(Period, TimeProvider.System, cancellationToken);
        }
    }

    /// <summary>Throws when <c>ccgate billing verify</c> finds a difference.</summary>
    public async Task VerifyAsync(CancellationToken cancellationToken)
    {
        var (exitCode, output) = await BenchProcess.RunAsync(program, ["billing", "verify", "--config", config.FullName, "--data", data.FullName], cancellationToken);
        if (exitCode != 0)
        {
            throw new BenchFailedException($"{name}: ccgate billing verify ended with {exitCode}:\n{output}");
        }
    }

    public ValueTask DisposeAsync() => database.DisposeAsync();

    private async Task<(long Stored, long Waiting)> ReadAsync(CancellationToken cancellationToken)
    {
        const string Sql = """
            select (select count(*) from mt_events where type = 'request_completed') as stored,
                   (select count(*) from mt_events where seq_id > (select position from projection_checkpoint where name = 'spend')) as waiting
            """;
        await using var connection = await database.OpenAsync(cancellationToken);
        return await connection.QuerySingleAsync<(long, long)>(new CommandDefinition(Sql, cancellationToken: cancellationToken));
    }
}
