using System.Text.Json;
using CCGate.Hosting.Storage;
using Dapper;

namespace CCGate.Hosting.Fleet;

/// <summary>The last report of each proxy, in the database of the read models.</summary>
internal static class ProxyReportTable
{
    /// <summary>A proxy that has not reported for so long is gone or cut off, and what it said is not true any more.</summary>
    public static readonly TimeSpan Lifetime = TimeSpan.FromSeconds(15);

    private static readonly TimeSpan KeptFor = TimeSpan.FromDays(1);

    public static async Task WriteAsync(Database database, string instance, string data, DateTimeOffset now, CancellationToken cancellationToken)
    {
        await using var connection = await database.OpenAsync(cancellationToken);
        using var turn = await database.TurnAsync(cancellationToken);
        await using var transaction = await connection.BeginTransactionAsync(cancellationToken);
        await connection.ExecuteAsync(new CommandDefinition(
            """
            insert into proxy_report (instance, at, data) values (@instance, @at, @data)
            on conflict (instance) do update set at = excluded.at, data = excluded.data
            """,
            new { instance, at = Instant.ToMicroseconds(now), data },
            transaction,
            cancellationToken: cancellationToken));
        await connection.ExecuteAsync(new CommandDefinition(
            "delete from proxy_report where at < @old", new { old = Instant.ToMicroseconds(now - KeptFor) }, transaction, cancellationToken: cancellationToken));
        await transaction.CommitAsync(cancellationToken);
    }

    /// <summary>Those of proxies that are there now, the newest first; one that cannot be read, of another version, is left out.</summary>
    public static async Task<IReadOnlyList<ProxyReport>> ReadAsync(Database database, DateTimeOffset now, CancellationToken cancellationToken)
    {
        await using var connection = await database.OpenAsync(cancellationToken);
        var rows = await connection.QueryAsync<string>(new CommandDefinition(
            "select data from proxy_report where at > @since order by at desc, instance limit 1000", new { since = Instant.ToMicroseconds(now - Lifetime) }, cancellationToken: cancellationToken));
        return [.. rows.Select(Read).OfType<ProxyReport>()];
    }

    private static ProxyReport? Read(string data)
    {
        try
        {
            return JsonSerializer.Deserialize(data, ProxyReportJson.Default.ProxyReport) is { Upstreams: not null, OpenHolds: not null } report ? report : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }
}
