using System.Data.Common;
using System.Globalization;
using CCGate.Contracts;
using CCGate.Hosting.Configuration;
using CCGate.Hosting.Storage;
using CCGate.Projections.Engine;
using Dapper;

namespace CCGate.Projections.Spend;

/// <summary>Answers questions about spend from the read model.</summary>
internal sealed class SpendReader(Database database)
{
    private const string Sums = """
        sum(requests), sum(errors), sum(input_tokens), sum(cache_read_tokens), sum(cache_write_5m_tokens), sum(cache_write_1h_tokens),
        sum(output_tokens), sum(reasoning_tokens), sum(web_searches), sum(spend_pico), sum(duration_ms)
        """;

    public async Task<SpendReport> ReadAsync(SpendQuestion question, CancellationToken cancellationToken)
    {
        var rows = new SortedDictionary<(string First, string Second), SpendTotals>();
        await using var connection = await database.OpenAsync(cancellationToken);
        await using var reader = await connection.ExecuteReaderAsync(
            new CommandDefinition(Sql(question), Parameters(question), cancellationToken: cancellationToken));
        while (await reader.ReadAsync(cancellationToken))
        {
            var name = Name(question, reader);
            rows[name] = rows.TryGetValue(name, out var totals) ? totals + ReadTotals(reader) : ReadTotals(reader);
        }

        return new SpendReport(
            By(question),
            InZone(question.From, question.Zone),
            InZone(question.To, question.Zone),
            question.Zone.Id,
            [.. rows.Select(row => Row(question.By, row.Key, row.Value))],
            rows.Values.Aggregate(new SpendTotals(), (sum, row) => sum + row));
    }

    /// <summary>Whether somebody of that name is configured, or was: one that was taken out of the configuration still has its history.</summary>
    public async Task<bool> KnowsTenantAsync(GatewayConfig config, string tenant, CancellationToken cancellationToken) =>
        config.Tenants.Any(known => known.Id == tenant)
        || (await ReadAsync(new SpendQuestion { Tenant = tenant, By = SpendBy.Tenant }, cancellationToken)).Rows.Count > 0;

    /// <summary>A misspelt name would look like an upstream at which nothing was metered.</summary>
    public async Task<bool> KnowsUpstreamAsync(GatewayConfig config, string upstream, CancellationToken cancellationToken) =>
        config.Upstreams.Any(known => known.Id == upstream)
        || (await ReadAsync(new SpendQuestion { Upstream = upstream, By = SpendBy.Upstream }, cancellationToken)).Rows.Count > 0;

    private static string Sql(SpendQuestion question)
    {
        var (first, second) = question.By switch
        {
            SpendBy.Model => ("model", "''"),
            SpendBy.Tenant => ("tenant_id", "''"),
            SpendBy.Key => ("tenant_id", "key_id"), // two tenants may both have a key called laptop
            SpendBy.Upstream => ("upstream_id", "''"),
            _ => ("bucket_start", "''"),
        };
        var where = string.Concat(
            question.Tenant is null ? "" : " and tenant_id = @Tenant",
            question.Key is null ? "" : " and key_id = @Key",
            question.Model is null ? "" : " and model = @Model",
            question.Upstream is null ? "" : " and upstream_id = @Upstream",
            question.From is null ? "" : " and bucket_start >= @From",
            question.To is null ? "" : " and bucket_start < @To");
        return $"select {first}, {second}, {Sums} from spend where 1 = 1{where} group by 1, 2";
    }

    private static object Parameters(SpendQuestion question) => new
    {
        question.Tenant,
        question.Key,
        question.Model,
        question.Upstream,
        From = question.From is { } from ? Instant.ToMicroseconds(from) : 0,
        To = question.To is { } to ? Instant.ToMicroseconds(to) : 0,
    };

    /// <summary>What the row is by. Days and hours are made here, because neither database knows the other's time zones.</summary>
    private static (string First, string Second) Name(SpendQuestion question, DbDataReader reader)
    {
        if (question.By is not (SpendBy.Day or SpendBy.Hour))
        {
            return (reader.GetString(0), reader.GetString(1));
        }

        var local = TimeZoneInfo.ConvertTime(Instant.FromMicroseconds(reader.GetInt64(0)), question.Zone);

        // The two hours called 02:00 when clocks go back differ in their offset, and the first of them comes first.
        return question.By == SpendBy.Day
            ? (local.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture), "")
            : (Hour(local.AddMinutes(-local.Minute).UtcDateTime), local.ToString("yyyy-MM-dd'T'HH:00zzz", CultureInfo.InvariantCulture));
    }

    private static string Hour(DateTime utc) => utc.ToString("yyyy-MM-dd'T'HH:mm", CultureInfo.InvariantCulture);

    private static SpendRow Row(SpendBy by, (string First, string Second) name, SpendTotals totals) => by switch
    {
        SpendBy.Day => new SpendRow(totals) { Day = name.First },
        SpendBy.Hour => new SpendRow(totals) { Hour = name.Second },
        SpendBy.Model => new SpendRow(totals) { Model = name.First },
        SpendBy.Tenant => new SpendRow(totals) { Tenant = name.First },
        SpendBy.Key => new SpendRow(totals) { Tenant = name.First, Key = name.Second },
        _ => new SpendRow(totals) { Upstream = name.First },
    };

    /// <summary>PostgreSQL sums bigint to numeric, SQLite to a 64-bit integer; both are exact.</summary>
    private static SpendTotals ReadTotals(DbDataReader reader)
    {
        long Long(int column) => Convert.ToInt64(reader.GetValue(column), CultureInfo.InvariantCulture);

        return new SpendTotals
        {
            Requests = Long(2),
            Errors = Long(3),
            InputTokens = Long(4),
            CacheReadTokens = Long(5),
            CacheWrite5mTokens = Long(6),
            CacheWrite1hTokens = Long(7),
            OutputTokens = Long(8),
            ReasoningTokens = Long(9),
            WebSearches = Long(10),
            SpendUsd = Picodollars.ToUsd(Convert.ToDecimal(reader.GetValue(11), CultureInfo.InvariantCulture)),
            DurationMs = Long(12),
        };
    }

    private static DateTimeOffset? InZone(DateTimeOffset? instant, TimeZoneInfo zone) =>
        instant is { } given ? TimeZoneInfo.ConvertTime(given, zone) : null;

    /// <summary>The word of the question, lower case as in the address.</summary>
    private static string By(SpendQuestion question) => question.By switch
    {
        SpendBy.Day => "day",
        SpendBy.Hour => "hour",
        SpendBy.Model => "model",
        SpendBy.Tenant => "tenant",
        SpendBy.Key => "key",
        _ => "upstream",
    };
}
