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
        var rows = new Dictionary<SpendName, SpendTotals>();
        var times = new Dictionary<(SpendBy By, long Start), (string, string)>();
        var (from, to) = (question.From is { } first ? Instant.ToMicroseconds(first) : long.MinValue, question.To is { } end ? Instant.ToMicroseconds(end) : long.MaxValue);
        await using var connection = await database.OpenAsync(cancellationToken);
        await using var snapshot = await database.BeginSnapshotAsync(connection, cancellationToken);
        foreach (var piece in await SpendPieces.DivideAsync(snapshot, Table(question), from, to, cancellationToken))
        {
            var parameters = new { question.Tenant, question.Key, question.Model, question.Upstream, piece.From, piece.To };
            await using var reader = await connection.ExecuteReaderAsync(new CommandDefinition(Sql(question, piece), parameters, snapshot, cancellationToken: cancellationToken));
            while (await reader.ReadAsync(cancellationToken))
            {
                var name = new SpendName(Name(question.By, reader, 0), question.ThenBy is { } then ? Name(then, reader, 2) : ("", ""));
                rows[name] = rows.TryGetValue(name, out var totals) ? totals + ReadTotals(reader) : ReadTotals(reader);
            }
        }

        return new SpendReport(
            question.ThenBy is { } second ? $"{Word(question.By)},{Word(second)}" : Word(question.By),
            InZone(question.From, question.Zone),
            InZone(question.To, question.Zone),
            question.Zone.Id,
            [.. rows.OrderBy(row => row.Key).Select(row => Row(question, row.Key, Plain(row.Value)))],
            Plain(rows.Values.Aggregate(new SpendTotals(), (sum, row) => sum + row)));

        // There are many rows of each quarter hour.
        (string First, string Second) Name(SpendBy by, DbDataReader reader, int column)
        {
            if (by is not (SpendBy.Day or SpendBy.Hour))
            {
                return (reader.GetString(column), reader.GetString(column + 1));
            }

            var start = reader.GetInt64(column);
            return times.TryGetValue((by, start), out var known) ? known : times[(by, start)] = TimeName(by, question.Zone, start);
        }
    }

    /// <summary>Whether somebody of that name is configured, or was: one that was taken out of the configuration still has its history.</summary>
    public async Task<bool> KnowsTenantAsync(GatewayConfig config, string tenant, CancellationToken cancellationToken) =>
        config.Tenants.Any(known => known.Id == tenant)
        || (await ReadAsync(new SpendQuestion { Tenant = tenant, By = SpendBy.Tenant }, cancellationToken)).Rows.Count > 0;

    /// <summary>A misspelt name would look like an upstream at which nothing was metered.</summary>
    public async Task<bool> KnowsUpstreamAsync(GatewayConfig config, string upstream, CancellationToken cancellationToken) =>
        config.Upstreams.Any(known => known.Id == upstream)
        || (await ReadAsync(new SpendQuestion { Upstream = upstream, By = SpendBy.Upstream }, cancellationToken)).Rows.Count > 0;

    /// <summary>Where sealed days are, in a grain that answers this.</summary>
    private static string Table(SpendQuestion question)
    {
        bool IsBy(SpendBy by) => question.By == by || question.ThenBy == by;
        if (question.Tenant is null && question.Key is null && !IsBy(SpendBy.Tenant) && !IsBy(SpendBy.Key))
        {
            return SpendRollUp.OfAll;
        }

        var ofUtcDays = question.Zone.BaseUtcOffset == TimeSpan.Zero && !question.Zone.SupportsDaylightSavingTime;
        return IsBy(SpendBy.Hour) || (IsBy(SpendBy.Day) && !ofUtcDays) ? "spend" : SpendRollUp.ByDay;
    }

    private static string Sql(SpendQuestion question, SpendPiece piece)
    {
        var where = string.Concat(
            question.Key is null ? "" : " and key_id = @Key",
            question.Model is null ? "" : " and model = @Model",
            question.Upstream is null ? "" : " and upstream_id = @Upstream");

        // Only by what differs: with a constant in it SQLite would sort rows that are in order.
        var groups = string.Concat(
            "1", question.By == SpendBy.Key ? ", 2" : "", question.ThenBy is null ? "" : ", 3", question.ThenBy == SpendBy.Key ? ", 4" : "");
        return piece.Sql($"{Columns(question.By)}, {(question.ThenBy is { } then ? Columns(then) : "'', ''")}, {Sums}", question.Tenant is not null, $"{where} group by {groups}");
    }

    private static string Columns(SpendBy by) => by switch
    {
        SpendBy.Model => "model, ''",
        SpendBy.Tenant => "tenant_id, ''",
        SpendBy.Key => "tenant_id, key_id", // two tenants may both have a key called laptop
        SpendBy.Upstream => "upstream_id, ''",
        _ => "bucket_start, ''",
    };

    /// <summary>Days and hours are made here, because neither database knows the other's time zones.</summary>
    private static (string First, string Second) TimeName(SpendBy by, TimeZoneInfo zone, long start)
    {
        var local = TimeZoneInfo.ConvertTime(Instant.FromMicroseconds(start), zone);

        // The two hours called 02:00 when clocks go back differ in their offset, and the first of them comes first.
        return by == SpendBy.Day
            ? (local.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture), "")
            : (Hour(local.AddMinutes(-local.Minute).UtcDateTime), local.ToString("yyyy-MM-dd'T'HH:00zzz", CultureInfo.InvariantCulture));
    }

    private static string Hour(DateTime utc) => utc.ToString("yyyy-MM-dd'T'HH:mm", CultureInfo.InvariantCulture);

    /// <summary>A sum keeps the zeros of its parts; without them an amount is written alike whatever it was summed from.</summary>
    private static SpendTotals Plain(SpendTotals totals) => totals with { SpendUsd = totals.SpendUsd / 1.0000000000000000000000000000m };

    private static SpendRow Row(SpendQuestion question, SpendName name, SpendTotals totals)
    {
        var row = Named(new SpendRow(totals), question.By, name.By);
        return question.ThenBy is { } then ? Named(row, then, name.ThenBy) : row;
    }

    private static SpendRow Named(SpendRow row, SpendBy by, (string First, string Second) name) => by switch
    {
        SpendBy.Day => row with { Day = name.First },
        SpendBy.Hour => row with { Hour = name.Second },
        SpendBy.Model => row with { Model = name.First },
        SpendBy.Tenant => row with { Tenant = name.First },
        SpendBy.Key => row with { Tenant = name.First, Key = name.Second },
        _ => row with { Upstream = name.First },
    };

    /// <summary>PostgreSQL sums bigint to numeric, SQLite to a 64-bit integer; both are exact.</summary>
    private static SpendTotals ReadTotals(DbDataReader reader)
    {
        long Long(int column) => Convert.ToInt64(reader.GetValue(column), CultureInfo.InvariantCulture);

        return new SpendTotals
        {
            Requests = Long(4),
            Errors = Long(5),
            InputTokens = Long(6),
            CacheReadTokens = Long(7),
            CacheWrite5mTokens = Long(8),
            CacheWrite1hTokens = Long(9),
            OutputTokens = Long(10),
            ReasoningTokens = Long(11),
            WebSearches = Long(12),
            SpendUsd = Picodollars.ToUsd(Convert.ToDecimal(reader.GetValue(13), CultureInfo.InvariantCulture)),
            DurationMs = Long(14),
        };
    }

    private static DateTimeOffset? InZone(DateTimeOffset? instant, TimeZoneInfo zone) =>
        instant is { } given ? TimeZoneInfo.ConvertTime(given, zone) : null;

    /// <summary>The word of the question, lower case as in the address.</summary>
    private static string Word(SpendBy by) => by switch
    {
        SpendBy.Day => "day",
        SpendBy.Hour => "hour",
        SpendBy.Model => "model",
        SpendBy.Tenant => "tenant",
        SpendBy.Key => "key",
        _ => "upstream",
    };

    /// <summary>What a row is by, in the order of the rows.</summary>
    private readonly record struct SpendName((string First, string Second) By, (string First, string Second) ThenBy) : IComparable<SpendName>
    {
        public int CompareTo(SpendName other) => By.CompareTo(other.By) is not 0 and var order ? order : ThenBy.CompareTo(other.ThenBy);
    }
}
