using System.Collections.Immutable;
using System.Data.Common;
using System.Globalization;
using CCGate.Contracts;
using CCGate.Hosting.Configuration;
using CCGate.Hosting.Storage;
using CCGate.Hosting.Tenants;
using CCGate.Projections.Engine;
using CCGate.Projections.Spend;
using Dapper;

namespace CCGate.Projections.Quotas;

/// <summary>How much of every window's limit is used, from the read model: what is on its way there is not seen yet.</summary>
internal sealed class QuotaReader(Database database)
{
    /// <summary>The limits of tenants and keys, in the order of tenants.json. No part of time is read twice, however many tenants and windows share it.</summary>
    public async Task<IReadOnlyList<QuotaUse>> ReadAsync(GatewayConfig config, QuotaQuestion question, DateTimeOffset now, CancellationToken cancellationToken)
    {
        var limits = Limits(config, question, now).ToList();
        var tree = new TenantTree(config);
        await using var connection = await database.OpenAsync(cancellationToken);
        await using var snapshot = await database.BeginSnapshotAsync(connection, cancellationToken);
        var used = new List<(WindowSpan Part, Dictionary<LimitOwner, UsedAmounts> Amounts)>();
        foreach (var part in Parts([.. limits.Select(limit => limit.Span).Distinct()]))
        {
            used.Add((part, tree.Sum(await ReadAsync(snapshot, part, tree.Alone(question.Tenant), byQuarterHour: false, cancellationToken))));
        }

        return [.. limits.SelectMany(limit => Describe(limit, Sum(limit), config.Extensions, now))];

        UsedAmounts Sum(OwnedLimit limit) => used
            .Where(one => limit.Span.Start <= one.Part.Start && one.Part.End <= limit.Span.End)
            .Aggregate(new UsedAmounts(), (sum, one) => sum + one.Amounts.GetValueOrDefault(limit.Owner));
    }

    /// <summary>The instants at which spans begin or end, and what lies between two of them: most windows have today in them, and it is read once.</summary>
    private static IEnumerable<WindowSpan> Parts(IReadOnlyList<WindowSpan> spans)
    {
        var instants = spans.SelectMany(span => new[] { span.Start, span.End }).Distinct().Order().ToList();
        return instants.Zip(instants.Skip(1), (start, end) => new WindowSpan(start, end)).Where(part => spans.Any(span => span.Start <= part.Start && part.End <= span.End));
    }

    /// <summary>Whether a rolling window held less than an amount after an instant. What it counts goes down where a quarter hour begins, and only there.</summary>
    public async Task<bool> FellBelowAsync(GatewayConfig config, QuotaUse quota, decimal amount, DateTimeOffset after, DateTimeOffset now, CancellationToken cancellationToken)
    {
        var length = WindowClock.Floor(now, WindowClock.QuarterHour) - quota.WindowStart;
        var first = WindowClock.Floor(after, WindowClock.QuarterHour) + WindowClock.QuarterHour;
        await using var connection = await database.OpenAsync(cancellationToken);
        await using var snapshot = await database.BeginSnapshotAsync(connection, cancellationToken);
        var rows = await ReadAsync(snapshot, new WindowSpan(first - length, now), tenant: null, byQuarterHour: true, cancellationToken);
        var (tree, owner) = (new TenantTree(config), new LimitOwner(quota.Tenant, quota.Key));
        var quarters = rows.GroupBy(row => row.BucketStart)
            .Select(bucket => (Start: Instant.FromMicroseconds(bucket.Key), Used: tree.Sum(bucket).GetValueOrDefault(owner).Of(quota.Unit)))
            .ToList();
        for (var quarter = first; quarter <= now; quarter += WindowClock.QuarterHour)
        {
            var window = new WindowSpan(quarter - length, quarter);
            if (quarters.Where(bucket => window.Contains(bucket.Start)).Sum(bucket => bucket.Used) < amount)
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>How far the read model is: what was read is good until it moves.</summary>
    public async Task<long> PositionAsync(CancellationToken cancellationToken)
    {
        await using var connection = await database.OpenAsync(cancellationToken);
        return (await Checkpoints.ReadAsync(connection, "spend", transaction: null, cancellationToken))?.Position ?? 0;
    }

    private static IEnumerable<OwnedLimit> Limits(GatewayConfig config, QuotaQuestion question, DateTimeOffset now) =>
        from tenant in config.Tenants
        where question.Tenant is null || tenant.Id == question.Tenant
        from holder in tenant.Keys.Select(key => (Key: (string?)key.Id, key.Limits)).Prepend((Key: null, tenant.Limits))
        where question.Key is null || holder.Key == question.Key
        from window in holder.Limits.Windows
        select new OwnedLimit(new LimitOwner(tenant.Id, holder.Key), window, tenant.Clock.Containing(window.Window, now), holder.Limits.AlertAt);

    private static IEnumerable<QuotaUse> Describe(OwnedLimit limit, UsedAmounts used, ImmutableArray<BudgetExtended> extensions, DateTimeOffset now)
    {
        var (window, owner) = (limit.Window, limit.Owner);
        var extra = extensions
            .Where(extension => owner.Key is null && extension.TenantId == owner.Tenant && extension.Window == window.Name && extension.From <= now && now < extension.To)
            .ToList();
        (string Name, QuotaUnit Unit, decimal? Max, decimal Extra)[] amounts =
        [
            ("maxUSD", QuotaUnit.Usd, window.MaxUsd, extra.Sum(extension => extension.ExtraUsd)),
            ("maxTokens", QuotaUnit.Tokens, window.MaxTokens, extra.Sum(extension => extension.ExtraTokens)),
            ("maxRequests", QuotaUnit.Requests, window.MaxRequests, extra.Sum(extension => extension.ExtraRequests)),
        ];
        foreach (var amount in amounts)
        {
            if (amount.Max is { } max)
            {
                DateTimeOffset? end = window.Window == LimitWindow.Total ? null : limit.Span.End;
                yield return new QuotaUse(
                    owner.Tenant, owner.Key, $"{window.Name}.{amount.Name}", amount.Unit, used.Of(amount.Unit), max + amount.Extra, amount.Extra, limit.Span.Start, end)
                {
                    AlertAt = limit.AlertAt,
                };
            }
        }
    }

    private static async Task<List<UsedRow>> ReadAsync(
        DbTransaction snapshot, WindowSpan span, string? tenant, bool byQuarterHour, CancellationToken cancellationToken)
    {
        var rows = new List<UsedRow>();
        var table = byQuarterHour ? "spend" : SpendRollUp.ByDay;
        foreach (var piece in await SpendPieces.DivideAsync(snapshot, table, Instant.ToMicroseconds(span.Start), Instant.ToMicroseconds(span.End), cancellationToken))
        {
            var columns = $"min(bucket_start), tenant_id, key_id, {SpendSql.Pico}, {SpendSql.Tokens}, sum(requests)";
            var sql = piece.Sql(columns, tenant is not null, $"group by tenant_id, key_id{(byQuarterHour ? ", bucket_start" : "")}");
            await using var reader = await snapshot.Connection!.ExecuteReaderAsync(
                new CommandDefinition(sql, new { piece.From, piece.To, Tenant = tenant }, snapshot, cancellationToken: cancellationToken));
            while (await reader.ReadAsync(cancellationToken))
            {
                // PostgreSQL sums bigint to numeric, SQLite to a 64-bit integer; both are exact.
                decimal Sum(int column) => Convert.ToDecimal(reader.GetValue(column), CultureInfo.InvariantCulture);

                rows.Add(new UsedRow(reader.GetInt64(0), new LimitOwner(reader.GetString(1), reader.GetString(2)), new UsedAmounts(Sum(3), Sum(4), Sum(5))));
            }
        }

        return rows;
    }

    /// <summary>Whose limit it is: a tenant's, or a key's.</summary>
    private readonly record struct LimitOwner(string Tenant, string? Key);

    private sealed record OwnedLimit(LimitOwner Owner, WindowLimit Window, WindowSpan Span, ImmutableArray<decimal> AlertAt);

    private readonly record struct UsedRow(long BucketStart, LimitOwner User, UsedAmounts Amounts);

    /// <summary>Whose limits each tenant's usage counts against.</summary>
    private sealed class TenantTree(GatewayConfig config)
    {
        private readonly Dictionary<string, string[]> paths = config.Tenants.ToDictionary(
            tenant => tenant.Id, tenant => tenant.Parent is null ? [tenant.Id] : config.PathOf(tenant).Select(above => above.Id).ToArray(), StringComparer.Ordinal);

        /// <summary>The tenant itself when there is nobody below it whose usage counts as well; otherwise null.</summary>
        public string? Alone(string? tenant) =>
            tenant is not null && paths.All(path => path.Key == tenant || !path.Value.Contains(tenant, StringComparer.Ordinal)) ? tenant : null;

        public Dictionary<LimitOwner, UsedAmounts> Sum(IEnumerable<UsedRow> rows)
        {
            var sums = new Dictionary<LimitOwner, UsedAmounts>();
            foreach (var row in rows)
            {
                Add(row.User, row.Amounts);
                foreach (var tenant in paths.GetValueOrDefault(row.User.Tenant, []))
                {
                    Add(new LimitOwner(tenant, null), row.Amounts);
                }
            }

            return sums;

            void Add(LimitOwner owner, UsedAmounts amounts) => sums[owner] = sums.GetValueOrDefault(owner) + amounts;
        }
    }
}
