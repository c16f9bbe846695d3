using CCGate.Contracts;
using CCGate.Hosting.Configuration;
using CCGate.Hosting.Tenants;
using CCGate.Projections.Quotas;
using CCGate.Tests.Infrastructure;

namespace CCGate.Tests.Integration.Projections;

/// <summary>How much of each limit is used, on either database.</summary>
public abstract class QuotaReaderTests(Storage storage) : ProjectionTest(storage)
{
    private static readonly SecretHash Secret = SecretHash.Of("key");

    private QuotaReader Quotas => new(Database);

    [Fact]
    public async Task A_limit_counts_spend_tokens_and_requests_of_its_window_and_what_stays_held()
    {
        var config = Of(Tenant("alice", All(LimitWindow.Daily)));
        var unsettled = Events.Request() with { UnsettledUsd = 0.2m, UnsettledTokens = 7 };
        await AppendAsync(Events.Request(), unsettled, Events.Request() with { AdmittedAt = Events.Noon.AddDays(-1) }, Events.Request("bob"));
        await CatchUpAsync();

        var quotas = await ReadAsync(config);

        Assert.Equal(
            [("daily.maxUSD", 0.221m, 10m), ("daily.maxTokens", 3007m, 10_000m), ("daily.maxRequests", 2m, 100m)],
            quotas.Select(quota => (quota.Limit, quota.Used, quota.Max)));
        Assert.All(quotas, quota => Assert.Equal((Noon(-12), Noon(12)), (quota.WindowStart, quota.WindowEnd)));
    }

    [Fact]
    public async Task A_tenants_limit_counts_everybody_below_it_and_a_keys_limit_the_key_alone()
    {
        var config = Of(
            Tenant("top", All(LimitWindow.Monthly)),
            Tenant("team", All(LimitWindow.Weekly)) with { Parent = "top" },
            Tenant("alice", LimitsConfig.None, All(LimitWindow.Total)) with { Parent = "team" },
            Tenant("other", All(LimitWindow.FiveHours)));
        await AppendAsync(
            Events.Request("alice"), Events.Request("alice") with { KeyId = "ci" }, Events.Request("team"), Events.Request("other"), Events.Request("gone"));
        await CatchUpAsync();

        var requests = (await ReadAsync(config)).Where(quota => quota.Unit == QuotaUnit.Requests).ToDictionary(quota => (quota.Subject, quota.Limit), quota => quota.Used);

        Assert.Equal(4, requests.Count);
        Assert.Equal(3, requests[("top", "monthly.maxRequests")]);
        Assert.Equal(3, requests[("team", "weekly.maxRequests")]);
        Assert.Equal(1, requests[("alice/laptop", "total.maxRequests")]);
        Assert.Equal(1, requests[("other", "fiveHours.maxRequests")]);
    }

    [Fact]
    public async Task Extra_budget_raises_the_tenants_limit_while_it_is_in_force()
    {
        var config = Of(Tenant("alice", All(LimitWindow.Daily), All(LimitWindow.Daily))) with
        {
            Extensions =
            [
                Extra("alice", "daily", Noon(-1), Noon(1), 5m),
                Extra("alice", "daily", Noon(-1), Noon(0), 100m), // Over.
                Extra("alice", "daily", Noon(1), Noon(2), 100m), // Yet to come.
                Extra("alice", "weekly", Noon(-1), Noon(1), 100m),
                Extra("bob", "daily", Noon(-1), Noon(1), 100m),
            ],
        };

        var usd = (await ReadAsync(config)).Where(quota => quota.Unit == QuotaUnit.Usd).Select(quota => (quota.Subject, quota.Max, quota.Extra));

        Assert.Equal([("alice", 15m, 5m), ("alice/laptop", 10m, 0m)], usd);
    }

    [Fact]
    public async Task The_sums_of_random_traffic_in_a_tree_are_those_of_an_independent_count()
    {
        var random = new Random(16);
        var config = Of(
            Tenant("alice", Every()) with { TimeZone = Zone("Asia/Kathmandu"), ResetTime = new TimeOnly(6, 30) },
            Tenant("bob", Every(), Every()) with { Parent = "alice", TimeZone = Zone("America/New_York"), WeekStartsOn = DayOfWeek.Sunday },
            Tenant("o'brien", Every()) with { Parent = "bob", MonthStartsOn = 20 });
        var traffic = new RandomTraffic(16).Requests(400);
        await AppendAsync(traffic);
        await CatchUpAsync();
        Dictionary<string, string[]> below = new() { ["alice"] = ["alice", "bob", "o'brien"], ["bob"] = ["bob", "o'brien"], ["o'brien"] = ["o'brien"] };

        for (var i = 0; i < 20; i++)
        {
            var now = Events.Noon.AddMinutes(random.Next(-4000, 4000));
            foreach (var quota in await Quotas.ReadAsync(config, QuotaQuestion.All, now, CancellationToken.None))
            {
                var counted = traffic.Where(request => below[quota.Tenant].Contains(request.TenantId) && (quota.Key is null || (request.KeyId == quota.Key && request.TenantId == quota.Tenant))
                    && request.AdmittedAt >= quota.WindowStart && (quota.WindowEnd is null || request.AdmittedAt < quota.WindowEnd)).ToList();
                Assert.Equal(
                    quota.Unit switch
                    {
                        QuotaUnit.Usd => counted.Sum(request => request.SpendUsd + (request.UnsettledUsd ?? 0)),
                        QuotaUnit.Tokens => counted.Sum(request => (request.UnsettledTokens ?? 0) + request.Attempts.Sum(attempt =>
                            attempt.Usage.InputTokens + attempt.Usage.CacheReadTokens + attempt.Usage.CacheWrite5mTokens + attempt.Usage.CacheWrite1hTokens + attempt.Usage.OutputTokens)),
                        _ => counted.Count,
                    },
                    quota.Used);
            }
        }
    }

    [Fact]
    public async Task One_tenant_or_key_can_be_asked_for_and_an_unknown_one_is_named()
    {
        var config = Of(Tenant("alice", All(LimitWindow.Daily), All(LimitWindow.Weekly)), Tenant("bob", All(LimitWindow.Daily)));

        Assert.Equal(6, (await ReadAsync(config, new QuotaQuestion("alice", null))).Count);
        Assert.Equal(3, (await ReadAsync(config, new QuotaQuestion(null, "laptop"))).Count);
        Assert.Null(new QuotaQuestion("alice", "laptop").Errors(config));
        Assert.Contains("'carol'", new QuotaQuestion("carol", null).Errors(config)!["tenant"][0], StringComparison.Ordinal);
        Assert.Contains("'ci'", new QuotaQuestion("alice", "ci").Errors(config)!["key"][0], StringComparison.Ordinal);
    }

    private static GatewayConfig Of(params TenantConfig[] tenants) => new() { Tenants = [.. tenants] };

    private static TenantConfig Tenant(string id, LimitsConfig limits, LimitsConfig? key = null) =>
        new() { Id = id, Limits = limits, Keys = [new KeyConfig("laptop", Secret) { Limits = key ?? LimitsConfig.None }] };

    private static LimitsConfig All(LimitWindow window) => new() { Windows = [new WindowLimit(window, 10m, 10_000, 100)] };

    private static LimitsConfig Every() => new() { Windows = [.. Enum.GetValues<LimitWindow>().Select(window => new WindowLimit(window, 10m, 10_000, 100))] };

    private static BudgetExtended Extra(string tenant, string window, DateTimeOffset from, DateTimeOffset to, decimal usd) =>
        new() { TenantId = tenant, Window = window, From = from, To = to, ExtraUsd = usd };

    private static DateTimeOffset Noon(int hours) => Events.Noon.AddHours(hours);

    private static TimeZoneInfo Zone(string id) => TimeZoneInfo.FindSystemTimeZoneById(id);

    private Task<IReadOnlyList<QuotaUse>> ReadAsync(GatewayConfig config, QuotaQuestion? question = null) =>
        Quotas.ReadAsync(config, question ?? QuotaQuestion.All, Events.Noon, CancellationToken.None);
}

public sealed class SqliteQuotaReaderTests() : QuotaReaderTests(Storage.Sqlite);

public sealed class PostgresQuotaReaderTests() : QuotaReaderTests(Storage.Postgres);
