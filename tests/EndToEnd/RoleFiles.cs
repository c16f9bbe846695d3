using System.Globalization;
using CCGate.Tests.Infrastructure;
using Npgsql;

namespace CCGate.Tests.EndToEnd;

/// <summary>The roles over a broker and a database: one configuration directory, a data directory for each proxy, and the ledger they share.</summary>
internal sealed class RoleFiles : IAsyncDisposable
{
    private readonly NpgsqlDataSource ledger;

    private readonly string projections;

    private RoleFiles(GatewayFiles files, string database, string projections)
    {
        Files = files;
        this.projections = projections;
        ledger = NpgsqlDataSource.Create(database);
    }

    public GatewayFiles Files { get; }

    /// <summary>Variables of every process that is started.</summary>
    public Dictionary<string, string> Environment { get; } = [];

    public static RoleFiles Create(Uri broker, string database, string tenants, string server = "")
    {
        var projections = string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{ServerProcess.FreePort()}");
        var files = GatewayFiles.With(GatewayFiles.Simulator(), tenants, $$"""
            {
              "admin": { "username": "{{TestGateway.Admin}}", "password": "{{TestGateway.Password}}" },
              "eventStore": "{{database}}",
              "broker": "{{broker}}",
              "projections": "{{projections}}"
              {{server}}
            }
            """);
        return new RoleFiles(files, database, projections);
    }

    /// <summary>A proxy with the data of its number.</summary>
    public Task<GatewayProcess> StartProxyAsync(int number) =>
        StartAsync("proxy", "--data", Path.Combine(Files.Root, string.Create(CultureInfo.InvariantCulture, $"proxy-{number}")));

    public Task<GatewayProcess> StartMeteringAsync() => StartAsync("metering");

    /// <summary>It listens where the configuration says, since the proxies look for it there.</summary>
    public Task<GatewayProcess> StartProjectionsAsync() => StartAsync("projections", "--urls", projections);

    /// <summary>Requests in the event store, how many of their ids differ, and what they cost together.</summary>
    public async Task<(long Events, long Ids, decimal SpendUsd)> LedgerAsync()
    {
        await using var command = ledger.CreateCommand("""
            select count(*), count(distinct id), coalesce(sum((data ->> 'SpendUsd')::numeric), 0)
            from metering.mt_events where type = 'request_completed'
            """);
        await using var reader = await command.ExecuteReaderAsync();
        await reader.ReadAsync();
        return (reader.GetInt64(0), reader.GetInt64(1), reader.GetDecimal(2));
    }

    /// <summary>The price book of each request's first attempt.</summary>
    public async Task<IReadOnlyList<string>> PriceVersionsAsync()
    {
        await using var command = ledger.CreateCommand("select data #>> '{Attempts,0,PriceVersion}' from metering.mt_events where type = 'request_completed'");
        await using var reader = await command.ExecuteReaderAsync();
        var versions = new List<string>();
        while (await reader.ReadAsync())
        {
            versions.Add(reader.GetString(0));
        }

        return versions;
    }

    public async Task StoredAsync(long requests) =>
        await Eventually.PassesAsync(async () => Assert.Equal(requests, (await LedgerAsync()).Events));

    public async ValueTask DisposeAsync()
    {
        await ledger.DisposeAsync();
        Files.Dispose();
    }

    private Task<GatewayProcess> StartAsync(string role, params string[] options) =>
        GatewayProcess.StartAsync(Files.Root, [role, "--config", Files.Config, .. options], new Dictionary<string, string>(Environment));
}
