using System.Data.Common;
using System.Globalization;
using CCGate.Contracts;
using CCGate.Hosting.Storage;
using Dapper;

namespace CCGate.Projections.Unsettled;

/// <summary>A request of which nobody said what it cost.</summary>
/// <param name="Why">What kept its usage from being read.</param>
/// <param name="HeldUsd">What still is taken from its limits.</param>
/// <param name="SettledAt">When somebody said; null while it is open.</param>
internal sealed record UnsettledItem(
    Guid RequestId, string Tenant, string Key, DateTimeOffset AdmittedAt, string Upstream, string Model, string Why, decimal HeldUsd, long HeldTokens, DateTimeOffset? SettledAt);

/// <summary>The answer of <c>GET /api/billing/unknown</c>.</summary>
/// <param name="Count">How many there are.</param>
/// <param name="HeldUsd">What all of them hold.</param>
/// <param name="Items">The oldest of them.</param>
internal sealed record UnsettledReport(long Count, decimal HeldUsd, IReadOnlyList<UnsettledItem> Items);

/// <summary>Answers which requests are unsettled.</summary>
internal sealed class UnsettledReader(Database database)
{
    public const int MaxItems = 1000;

    private const string Condition = "(@tenant = '' or tenant_id = @tenant) and (@all = 1 or settled_at is null)";

    public async Task<UnsettledReport> ReadAsync(string? tenant, bool all, CancellationToken cancellationToken)
    {
        await using var connection = await database.OpenAsync(cancellationToken);
        await using var snapshot = await database.BeginSnapshotAsync(connection, cancellationToken);
        CommandDefinition Query(string sql) =>
            new(sql, new { tenant = tenant ?? "", all = all ? 1 : 0, limit = MaxItems }, snapshot, cancellationToken: cancellationToken);

        await using var sums = await connection.ExecuteReaderAsync(Query($"select count(*), coalesce(sum(held_pico), 0) from unsettled where {Condition}"));
        await sums.ReadAsync(cancellationToken);
        var (count, held) = (sums.GetInt64(0), Convert.ToDecimal(sums.GetValue(1), CultureInfo.InvariantCulture));
        await sums.CloseAsync();

        await using var rows = await connection.ExecuteReaderAsync(Query($"""
            select request_id, tenant_id, key_id, admitted_at, upstream_id, model, why, held_pico, held_tokens, settled_at
            from unsettled where {Condition} order by admitted_at, request_id limit @limit
            """));
        var items = new List<UnsettledItem>();
        while (await rows.ReadAsync(cancellationToken))
        {
            items.Add(Item(rows));
        }

        return new UnsettledReport(count, Picodollars.ToUsd(held), items);
    }

    /// <summary>How many are open, and what they hold.</summary>
    public async Task<(long Count, decimal HeldUsd)> CountAsync(CancellationToken cancellationToken)
    {
        await using var connection = await database.OpenAsync(cancellationToken);
        var (count, held) = await connection.QuerySingleAsync<(long, long)>(new CommandDefinition(
            "select count(*), cast(coalesce(sum(held_pico), 0) as bigint) from unsettled where settled_at is null", cancellationToken: cancellationToken));
        return (count, Picodollars.ToUsd(held));
    }

    private static UnsettledItem Item(DbDataReader row) => new(
        Guid.Parse(row.GetString(0)),
        row.GetString(1),
        row.GetString(2),
        Instant.FromMicroseconds(row.GetInt64(3)),
        row.GetString(4),
        row.GetString(5),
        row.GetString(6),
        Picodollars.ToUsd(row.GetInt64(7)),
        row.GetInt64(8),
        row.IsDBNull(9) ? null : Instant.FromMicroseconds(row.GetInt64(9)));
}
