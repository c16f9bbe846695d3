using System.Data.Common;
using System.Globalization;
using CCGate.Contracts;
using CCGate.Hosting.Storage;
using Dapper;

namespace CCGate.Projections.Reconciliation;

/// <summary>What was metered at upstreams, by UTC day and model as served: adjustments and failed attempts included, since a provider bills them, too.</summary>
internal sealed class MeteredReader(Database database)
{
    /// <param name="to">The last day.</param>
    public async Task<IReadOnlyList<CountedRow>> ReadAsync(IReadOnlyList<string> upstreams, DateOnly from, DateOnly to, CancellationToken cancellationToken)
    {
        const string Sql = """
            select bucket_start / 86400000000, model, sum(input_tokens), sum(cache_read_tokens), sum(cache_write_5m_tokens), sum(cache_write_1h_tokens),
              sum(output_tokens), sum(web_searches), sum(spend_pico)
            from spend where upstream_id = @upstream and bucket_start >= @from and bucket_start < @to group by 1, 2
            """;
        var rows = new List<CountedRow>();
        await using var connection = await database.OpenAsync(cancellationToken);
        foreach (var upstream in upstreams)
        {
            await using var reader = await connection.ExecuteReaderAsync(
                new CommandDefinition(Sql, new { upstream, from = Start(from), to = Start(to.AddDays(1)) }, cancellationToken: cancellationToken));
            while (await reader.ReadAsync(cancellationToken))
            {
                rows.Add(Row(reader));
            }
        }

        return rows;
    }

    private static CountedRow Row(DbDataReader reader)
    {
        decimal Sum(int column) => Convert.ToDecimal(reader.GetValue(column), CultureInfo.InvariantCulture);

        var day = DateOnly.FromDateTime(DateTime.UnixEpoch).AddDays((int)reader.GetInt64(0));
        return new CountedRow(day, reader.GetString(1), new Dictionary<UsageMetric, decimal>
        {
            [UsageMetric.InputTokens] = Sum(2),
            [UsageMetric.CacheReadTokens] = Sum(3),
            [UsageMetric.CacheWrite5mTokens] = Sum(4),
            [UsageMetric.CacheWrite1hTokens] = Sum(5),
            [UsageMetric.CacheWriteTokens] = Sum(4) + Sum(5),
            [UsageMetric.OutputTokens] = Sum(6),
            [UsageMetric.WebSearches] = Sum(7),
            [UsageMetric.CostUsd] = Picodollars.ToUsd(Sum(8)),
        });
    }

    private static long Start(DateOnly day) => Instant.ToMicroseconds(new DateTimeOffset(day.ToDateTime(TimeOnly.MinValue), TimeSpan.Zero));
}
